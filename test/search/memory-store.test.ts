import { createMemoryStore } from '../../search/memory-store.ts';
import { vectorStoreContract } from './vector-store-contract.ts';

vectorStoreContract('in memory', async () => ({ store: createMemoryStore(), tolerance: 1e-6 }));
