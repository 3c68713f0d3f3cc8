// Filter conditions → SQL over a column of JSON text, for the SQLite of Durable Objects.

import type { MetadataValue } from '../../core/vector-store.ts';
import type { Condition, RangeOperator } from '../metadata-filter.ts';

export interface SqlCondition {
  /** An expression without `WHERE`; `1` where there is no condition. */
  readonly sql: string;
  readonly parameters: readonly (string | number)[];
}

const OPERATORS: Readonly<Record<RangeOperator, string>> = { gt: '>', gte: '>=', lt: '<', lte: '<=' };

/** Types are compared too: SQLite takes JSON's true for 1. Field names were checked by parseFilter. */
export function toSql(conditions: readonly Condition[], column: string): SqlCondition {
  const parts = conditions.map((condition): SqlCondition => {
    const type = `json_type(${column}, '$.${condition.field}')`;
    const value = `json_extract(${column}, '$.${condition.field}')`;
    if (condition.kind === 'range') {
      const bounds = condition.bounds.map(({ operator }) => `${value} ${OPERATORS[operator]} ?`);
      return {
        sql: [`${type} IN ('integer', 'real')`, ...bounds].join(' AND '),
        parameters: condition.bounds.map((bound) => bound.value),
      };
    }
    const lists = (
      [
        ['string', `${type} = 'text'`],
        ['number', `${type} IN ('integer', 'real')`],
      ] as const
    ).map(([kind, ofType]): SqlCondition => {
      const values = ofKind(condition.values, kind);
      if (values.length === 0) return { sql: '0', parameters: [] };
      return {
        sql: `${ofType} AND ${value} IN (SELECT value FROM json_each(?))`,
        parameters: [JSON.stringify(values)],
      };
    });
    const booleans = ofKind(condition.values, 'boolean').map((wanted) => `${type} = '${wanted}'`);
    return {
      sql: [...lists.map(({ sql }) => sql), ...booleans].map((sql) => `(${sql})`).join(' OR '),
      parameters: lists.flatMap(({ parameters }) => parameters),
    };
  });
  return {
    sql: parts.map(({ sql }) => `(${sql})`).join(' AND ') || '1',
    parameters: parts.flatMap(({ parameters }) => parameters),
  };
}

function ofKind(values: readonly MetadataValue[], kind: 'string' | 'number' | 'boolean'): MetadataValue[] {
  return values.filter((value) => typeof value === kind);
}
