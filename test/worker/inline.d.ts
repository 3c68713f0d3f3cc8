// A file's bytes in the bundle of a test, as a data URI: tests in the Workers' runtime have no disk.

declare module '*?inline' {
  const dataUri: string;
  export default dataUri;
}
