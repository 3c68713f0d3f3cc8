// The OpenAPI document as a page for people: plain HTML without a script, so that it works offline and
// under the strictest content security policy.

import type { OpenApiDocument, Operation } from './openapi.ts';

/** Nothing may be loaded, run, framed or sent: the page is text. */
export const DOCS_CONTENT_SECURITY_POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

const STYLE = `
body { font: 16px/1.5 system-ui, sans-serif; max-width: 56rem; margin: 2rem auto; padding: 0 1rem; color: #1b1b1b; background: #fff }
h2 { margin-top: 2.5rem; border-top: 1px solid #ccc; padding-top: 1rem }
code, pre { font: 14px/1.45 ui-monospace, monospace }
h2 code { font-size: inherit; overflow-wrap: anywhere }
small { font-size: 14px; font-weight: normal; border: 1px solid #999; border-radius: 4px; padding: 0 .35rem; white-space: nowrap }
pre { background: #f4f4f4; padding: .75rem; overflow-x: auto }
table { border-collapse: collapse; display: block; overflow-x: auto }
td, th { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid #e3e3e3 }
summary { cursor: pointer }
@media (prefers-color-scheme: dark) { body { background: #161616; color: #e6e6e6 } pre { background: #222 } td, th { border-color: #333 } h2 { border-color: #444 } }
`;

export function docsPage(document: OpenApiDocument): string {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => section(method, path, operation)),
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${text(document.info.title)} API</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${text(document.info.title)} <small>${text(document.info.version)}</small></h1>
<p>${text(document.info.summary)}. For programs: <a href="/openapi.json">openapi.json</a>.</p>
<p>Routes <small>with a key</small> need the header <code>Authorization: Bearer KEY</code>.</p>
${operations.join('\n')}
</body>
</html>
`;
}

function section(method: string, path: string, operation: Operation): string {
  const id = text(operation.operationId);
  const key = operation.security.length > 0 ? ' <small>with a key</small>' : '';
  return `<section id="${id}">
<h2><code>${text(method.toUpperCase())} ${text(path)}</code>${key}</h2>
<p>${text(operation.summary)}. ${text(operation.description ?? '')}</p>
${operation.requestBody === undefined ? '' : `<pre>${text(example(path, operation.requestBody))}</pre>${fields(operation.requestBody)}${details('Request', operation.requestBody)}`}
${statuses(operation)}
</section>`;
}

function example(path: string, body: unknown): string {
  const { content } = body as { content: object };
  const sent =
    'multipart/form-data' in content
      ? '-F image=@photo.jpg'
      : "-H 'content-type: application/json' -d @request.json";
  return `curl "$URL${path}" -H "Authorization: Bearer $KEY" ${sent}`;
}

/** A field of a body, as JSON Schema describes it. */
interface Field {
  readonly type?: unknown;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly description?: unknown;
}

/** What a JSON body may hold: the fields of forms, and of the query beside an image, are the same. */
function fields(body: unknown): string {
  const { content } = body as {
    content: { 'application/json'?: { schema: { properties?: Record<string, Field>; required?: string[] } } };
  };
  const { properties = {}, required = [] } = content['application/json']?.schema ?? {};
  const rows = Object.entries(properties).map(([name, field]) => {
    const values = field.enum?.map((value) => `<code>${text(value)}</code>`).join(', ') ?? text(field.type);
    const missing = required.includes(name) ? 'required' : '';
    const preset = field.default === undefined ? missing : `<code>${text(field.default)}</code>`;
    const cells = [`<code>${text(name)}</code>`, values, preset, text(field.description)];
    return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`;
  });
  return `<table><tr><th>Field</th><th>Values</th><th>Default</th><th>Meaning</th></tr>${rows.join('')}</table>`;
}

function statuses({ responses }: Operation): string {
  const rows = Object.entries(responses).map(([status, response]) => {
    const { description } = response as { description?: unknown };
    return `<tr><td><code>${text(status)}</code></td><td>${text(description)}</td></tr>`;
  });
  return `<table><tr><th>Status</th><th>Meaning</th></tr>${rows.join('')}</table>${details('Answer', responses['200'])}`;
}

function details(title: string, value: unknown): string {
  return `<details><summary>${text(title)}</summary><pre>${text(JSON.stringify(value, undefined, 2))}</pre></details>`;
}

function text(value: unknown): string {
  return String(value ?? '').replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
