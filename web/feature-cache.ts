// Feature maps of photographs, asked for once each: hovering over hits compares the same ones again and again.

import type { Backend } from './backend.ts';

export interface FeatureCache {
  of(backend: Backend, photo: Blob): Promise<Float32Array>;
  /** What an analysis has brought already. */
  keep(backend: Backend, photo: Blob, features: Float32Array): void;
}

export function createFeatureCache(): FeatureCache {
  const kept = new WeakMap<Backend, WeakMap<Blob, Promise<Float32Array>>>();
  const ofBackend = (backend: Backend) => {
    const found = kept.get(backend) ?? new WeakMap<Blob, Promise<Float32Array>>();
    kept.set(backend, found);
    return found;
  };
  return {
    of(backend, photo) {
      const features = ofBackend(backend);
      const found = features.get(photo) ?? backend.features(photo);
      features.set(photo, found);
      // A failure is not kept.
      found.catch(() => features.delete(photo));
      return found;
    },
    keep: (backend, photo, features) => ofBackend(backend).set(photo, Promise.resolve(features)),
  };
}
