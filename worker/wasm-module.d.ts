// What the bundler makes of an imported .wasm file: a module compiled when the Worker is deployed.

declare module '*.wasm' {
  const module: WebAssembly.Module;
  export default module;
}
