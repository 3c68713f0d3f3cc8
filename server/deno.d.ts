// The part of Deno that server/deno-*.ts uses.

interface DenoHttpServer {
  readonly addr: { readonly hostname: string; readonly port: number };
  /** Takes nothing new, and resolves when everything in flight is answered. */
  shutdown(): Promise<void>;
}

declare const Deno: {
  readonly args: readonly string[];
  serve(
    options: {
      readonly hostname: string;
      readonly port: number;
      readonly onListen: () => void;
      readonly signal?: AbortSignal;
    },
    handler: (request: Request) => Response | Promise<Response>,
  ): DenoHttpServer;
  addSignalListener(signal: 'SIGINT' | 'SIGTERM', listener: () => void): void;
  exit(code: number): never;
};
