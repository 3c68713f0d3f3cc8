// What `cloudflare:workers` gives to tests: the bindings of wrangler.toml and the Worker's entry.

declare namespace Cloudflare {
  interface Env extends WorkerBindings {}
  interface GlobalProps {
    mainModule: typeof import('../../worker/index.ts');
  }
}

type WorkerBindings = import('../../worker/handler.ts').Bindings;
