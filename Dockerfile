# The Node server with the default model. Build: docker build -t vgg-edge .
# Run: docker run -p 8787:8787 -v "$PWD/keys:/keys:ro" vgg-edge [MODEL_DIR] [options of vgg-edge serve]

FROM node:24-slim AS packages
WORKDIR /app
# No CUDA libraries: the image serves from the CPU.
ENV ONNXRUNTIME_NODE_INSTALL=skip
COPY package.json package-lock.json ./
# Without the binaries for other systems and the builds for GPUs in browsers: 340 MB that nothing loads here.
RUN npm ci --omit=dev --no-audit --no-fund \
  && find node_modules/onnxruntime-node/bin -type f -not -path "*/linux/$(node -p process.arch)/*" -delete \
  && find node_modules/onnxruntime-web/dist -regex '.*\.\(map\|\(jspi\|jsep\|asyncify\)\..*\)' -delete

# The page, bundled by esbuild, which the server itself does not need.
FROM node:24-slim AS page
WORKDIR /app
ENV ONNXRUNTIME_NODE_INSTALL=skip
COPY package.json package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY core core
COPY engine engine
COPY model-build model-build
COPY web web
COPY samples samples
COPY models models
COPY scripts scripts
RUN node scripts/stage-assets.ts

FROM node:24-slim
WORKDIR /app
# glibc would keep what threads have freed for each of them apart: resident memory that only grows.
ENV NODE_ENV=production MALLOC_ARENA_MAX=2
COPY --from=packages /app/node_modules node_modules
COPY package.json ./
COPY core core
COPY engine engine
COPY model-build model-build
COPY net net
COPY runner runner
COPY search search
COPY eval eval
COPY worker worker
COPY server server
COPY cli cli
COPY models models
COPY --from=page /app/dist/assets/web dist/assets/web
USER node
EXPOSE 8787
# Ready means that an inference worked. A server with more work than places is busy, not ill: who restarts what is
# unhealthy would cut that work off. It says so after 20 s, or answers when what is before it is done. fetch is Node's own: the image needs no curl.
HEALTHCHECK --interval=30s --timeout=60s --start-period=30s \
  CMD ["node", "-e", "fetch('http://127.0.0.1:8787/readyz').then(async r=>process.exit(r.ok||(await r.json()).error.code==='overloaded'?0:1)).catch(()=>process.exit(1))"]
# Node itself is process 1, so that SIGTERM reaches it and work in flight is finished.
STOPSIGNAL SIGTERM
# Other options come after these; one given again counts as given last.
ENTRYPOINT ["node", "cli/main.ts", "serve", "--host", "0.0.0.0", "--keys", "/keys"]
CMD ["models/default"]
