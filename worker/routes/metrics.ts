// GET /metrics: numbers for Prometheus, of this isolate or process alone.

import type { Handler } from 'hono';
import type { Ready } from '../dependencies.ts';
import { METRICS_CONTENT_TYPE } from '../metrics.ts';
import type { ApiEnv } from '../request-facts.ts';

export function metricsPage({ metrics }: Ready): Handler<ApiEnv> {
  return (context) => {
    context.header('content-type', METRICS_CONTENT_TYPE);
    return context.body(metrics.registry.text());
  };
}
