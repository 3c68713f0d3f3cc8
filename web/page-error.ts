// What can go wrong, in the reader's words.

/** About the page or its server, not about one photograph. */
export class PageError extends Error {}

export class ApiError extends PageError {
  readonly status: number;
  readonly code: string;

  constructor(message: string, status: number, code: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export class OfflineError extends PageError {
  constructor() {
    super(
      'The server cannot be reached. Try again when it can, or let this browser do the work: "Run the model in this browser".',
    );
  }
}

export class LateError extends PageError {
  constructor(milliseconds: number) {
    super(`The server did not answer within ${milliseconds / 1000} seconds. Try again later.`);
  }
}

/** The server holds the page's index no longer: it was started anew, or somebody deleted it. */
export class IndexLostError extends PageError {
  constructor() {
    super('The server holds the index of this page no longer. Try again to make it anew.');
  }
}

/** The model cannot be had or cannot run here. */
export class ModelUnavailableError extends PageError {}

/** Whether the same question may have another answer later: not where it is the photograph that is refused. */
export function mayPass(error: unknown): boolean {
  if (error instanceof ApiError) return error.status === 429 || error.status >= 500;
  return error instanceof PageError;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
