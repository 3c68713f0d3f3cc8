// Filter conditions → SQL over the columns of a LanceDB table, of which each metadata field has two.

import type { Condition, RangeOperator } from '../metadata-filter.ts';

const OPERATORS: Readonly<Record<RangeOperator, string>> = { gt: '>', gte: '>=', lt: '<', lte: '<=' };

export function toLanceSql(condition: Condition): string {
  if (condition.kind === 'in') {
    const values = condition.values.map((value) => quote(JSON.stringify(value)));
    return `\`${textColumn(condition.field)}\` IN (${values.join(', ')})`;
  }
  return condition.bounds
    .map(({ operator, value }) => `\`${numberColumn(condition.field)}\` ${OPERATORS[operator]} ${value}`)
    .join(' AND ');
}

/** The value as JSON: "1", 1 and true differ. */
export function textColumn(field: string): string {
  return `text_${field}`;
}

/** For ranges. */
export function numberColumn(field: string): string {
  return `number_${field}`;
}

export function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
