// What /web/samples.json says of each bundled photograph; scripts/stage-assets.ts makes it of samples/README.md.

export interface Sample {
  readonly file: string;
  readonly what: string;
  readonly credit: string;
  /** Where it is from, if not from a library's data folder. */
  readonly source?: string;
}
