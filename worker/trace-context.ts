// W3C Trace Context: the trace a request belongs to, so that our log lines can be found from a caller's.
// https://www.w3.org/TR/trace-context/

import { toHex } from '../core/encodings.ts';

export interface TraceContext {
  /** 32 hex digits, not all zero. */
  readonly traceId: string;
  /** 16 hex digits: this service's own span. */
  readonly spanId: string;
  /** The header to pass on and to answer with. */
  readonly traceparent: string;
}

/** Later versions may have more after the flags; this one, 00, may not. */
const TRACEPARENT = /^(?!ff)(?!00.{54})[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?$/;

/** Continues the caller's trace, or begins one where its header is missing or malformed (§3.2.2.3, §4.3). */
export function continueTrace(header: string | undefined): TraceContext {
  const [, traceId, parentId, flags] = TRACEPARENT.exec(header ?? '') ?? [];
  const spanId = randomHex(8);
  if (traceId === undefined || parentId === undefined || /^0+$/.test(traceId) || /^0+$/.test(parentId)) {
    const fresh = randomHex(16);
    return { traceId: fresh, spanId, traceparent: `00-${fresh}-${spanId}-00` };
  }
  // Only the sampled bit is defined in the version that is passed on.
  const sampled = (Number.parseInt(flags ?? '00', 16) & 1) === 1 ? '01' : '00';
  return { traceId, spanId, traceparent: `00-${traceId}-${spanId}-${sampled}` };
}

function randomHex(bytes: number): string {
  return toHex(crypto.getRandomValues(new Uint8Array(bytes)));
}
