// A run was asked to stop and did: no failure, and nothing is lost.

export class StoppedError extends Error {
  constructor() {
    super('Stopped; the same command goes on from here.');
    this.name = 'StoppedError';
  }
}
