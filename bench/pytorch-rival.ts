// The runner's rival in a process of its own: bench/pytorch_embed.py, fed with tasks and read line by line.

import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** What pytorch_embed.py understands. */
export interface PyTorchSettings {
  readonly device: 'cpu' | 'cuda';
  readonly dtype: 'float32' | 'bfloat16' | 'float16';
  readonly batch: number;
  /** Of the DataLoader; 0 decodes in the process itself. */
  readonly workers: number;
  /** Within an operation. */
  readonly threads: number;
  readonly channels_last?: boolean;
  readonly jit?: boolean;
  /** torch.compile, of PyTorch 2; it needs a compiler on the machine. */
  readonly compile?: boolean;
  /** One batch over and over, without images. */
  readonly model_only?: boolean;
}

export interface PyTorchAnswer {
  readonly seconds: number;
  readonly images: number;
  readonly torch: string;
  /** One row per image, of length 1; where asked for. */
  readonly vectors?: readonly (readonly number[])[];
}

export interface PyTorch {
  embed(files: readonly string[], settings: PyTorchSettings, vectors?: boolean): Promise<PyTorchAnswer>;
  close(): void;
}

const PYTHON = process.env.PYTHON ?? 'python3';

/** `weights`: a file of `vgg-edge export --to safetensors`. */
export function startPyTorch(weights: string): PyTorch {
  const script = join(import.meta.dirname, 'pytorch_embed.py');
  const child: ChildProcess = spawn(PYTHON, [script], { stdio: ['pipe', 'pipe', 'inherit'] });
  const waiting: { resolve(answer: PyTorchAnswer): void; reject(error: Error): void }[] = [];
  const end = (reason: string) => {
    for (const job of waiting.splice(0)) job.reject(new Error(`${PYTHON} bench/pytorch_embed.py: ${reason}`));
  };
  child.once('error', (error) => end(error.message));
  child.once('exit', (code) => end(`exit code ${code}; it needs torch, torchvision and Pillow`));
  child.stdin?.on('error', () => undefined);
  if (child.stdout !== null) {
    createInterface(child.stdout).on('line', (line) => waiting.shift()?.resolve(JSON.parse(line)));
  }
  return {
    embed: (files, settings, vectors = false) =>
      new Promise((resolve, reject) => {
        waiting.push({ resolve, reject });
        child.stdin?.write(`${JSON.stringify({ files, weights, settings, vectors })}\n`);
      }),
    close: () => child.stdin?.end(),
  };
}

/** The settings that a user who tunes would try; `names` are for the table. */
export function settingsToTry(
  device: 'cpu' | 'cuda',
  cores: number,
): { name: string; settings: PyTorchSettings }[] {
  const of = (settings: Omit<PyTorchSettings, 'device'>) => ({
    name: [
      settings.dtype,
      `batch ${settings.batch}`,
      `${settings.workers} workers`,
      `${settings.threads} threads`,
      ...(settings.channels_last === true ? ['channels last'] : []),
      ...(settings.jit === true ? ['traced and frozen'] : []),
      ...(settings.compile === true ? ['compiled'] : []),
    ].join(', '),
    settings: { device, ...settings },
  });
  if (device === 'cuda') {
    const fp16 = { dtype: 'float16', threads: 1, channels_last: true } as const;
    return [
      ...[64, 128, 256].flatMap((batch) =>
        [Math.ceil(cores / 2), cores].map((workers) => of({ ...fp16, batch, workers })),
      ),
      of({ ...fp16, batch: 128, workers: cores, compile: true }),
    ];
  }
  const plain = { dtype: 'float32', batch: 16, threads: cores } as const;
  return [
    of({ ...plain, workers: 0 }),
    of({ ...plain, workers: 1 }),
    of({ ...plain, workers: 2 }),
    of({ ...plain, workers: 1, channels_last: true }),
    of({ ...plain, workers: 1, jit: true }),
    of({ ...plain, workers: 1, channels_last: true, jit: true }),
    of({ ...plain, workers: 1, batch: 4, channels_last: true, jit: true }),
    of({ ...plain, workers: 1, threads: Math.max(cores - 1, 1), channels_last: true, jit: true }),
    of({ ...plain, workers: 1, dtype: 'bfloat16', channels_last: true, jit: true }),
  ];
}
