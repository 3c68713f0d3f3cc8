// GET /livez and GET /readyz.

import * as z from 'zod';
import { modelFacts } from './answer.ts';

export const livezAnswer = z.strictObject({ status: z.literal('alive') });

export const readyzAnswer = z.strictObject({
  status: z.literal('ready'),
  ...modelFacts,
  backbone_ms: z.number().describe('Milliseconds of an inference that worked, at most 5 seconds ago.'),
});
