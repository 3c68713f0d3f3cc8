// POST /v1/indexes/:index/search: the items most like an image, a vector or an item.

import type { Context, Handler } from 'hono';
import type * as z from 'zod';
import type { ImageSource } from '../../core/embedder.ts';
import type { Query, VectorIndex, VectorStore } from '../../core/vector-store.ts';
import { toFilter } from '../../search/metadata-filter.ts';
import { bodyTurn } from '../body-turn.ts';
import type { Ready } from '../dependencies.ts';
import { imageSource, inputReading } from '../image-input.ts';
import { isImageType } from '../image-request.ts';
import { indexEmbedder } from '../index-embedder.ts';
import { parseOptions, textOptions } from '../parse-options.ts';
import { oneOf, requiredSpace, superfluousSpace, toVector } from '../query-vector.ts';
import type { ApiEnv } from '../request-facts.ts';
import { searchOptions, searchRequest } from '../schemas/indexes.ts';

/** What is asked, with its image to be read. */
interface Search extends Omit<z.output<typeof searchRequest>, 'input'> {
  readonly image: ImageSource | undefined;
}

export function searchIndex(dependencies: Ready, store: VectorStore): Handler<ApiEnv> {
  const { inTurn, readJson, readImage } = bodyTurn(dependencies);
  const embed = indexEmbedder(dependencies);

  const readSearch = async (context: Context<ApiEnv>): Promise<Search> => {
    const { input, ...search } = await readJson(context, searchRequest);
    const image = input === undefined ? undefined : imageSource(input, 'input', inputReading(dependencies));
    return { ...search, image };
  };
  /** With the image as the body, the options stand in the query. */
  const readImageSearch = async (context: Context<ApiEnv>): Promise<Search> => {
    const query = textOptions(new URL(context.req.url).searchParams, searchOptions);
    const options = parseOptions(searchOptions, query);
    const bytes = await readImage(context);
    return { ...options, image: { read: () => bytes } };
  };
  const byOf = async (context: Context<ApiEnv>, index: VectorIndex, search: Search): Promise<Query['by']> => {
    const { image, vector, id, space } = search;
    if ([image, vector, id].filter((given) => given !== undefined).length !== 1) {
      throw oneOf('input, vector and id', 'the request', 'input');
    }
    if (vector === undefined && space !== undefined) throw superfluousSpace('input and id');
    if (id !== undefined) return { id };
    if (image === undefined) return { vector: toVector(vector, 'vector'), space: requiredSpace(space) };
    const { outcomes, space: served } = await embed(context, index, [image]);
    const [outcome] = outcomes;
    if (outcome === undefined || 'error' in outcome) throw outcome?.error;
    return { vector: outcome.value, space: served };
  };

  return (context) => {
    const asImage = isImageType(context.req.header('content-type'));
    const work = async () => {
      const search = asImage ? await readImageSearch(context) : await readSearch(context);
      const index = await store.open(context.req.param('index') ?? '');
      const { top_k, exclude_self, min_score, fold } = search;
      // Before the network runs: it would be for nothing.
      const filter = search.filter === undefined ? undefined : toFilter(search.filter);
      const hits = await index.query({
        by: await byOf(context, index, search),
        topK: top_k,
        excludeSelf: exclude_self,
        ...(min_score === undefined ? {} : { minScore: min_score }),
        ...(fold === undefined ? {} : { fold }),
        ...(filter === undefined ? {} : { filter }),
      });
      return context.json({ object: 'list', data: hits });
    };
    return inTurn(context, work, asImage ? 'image' : 'json');
  };
}
