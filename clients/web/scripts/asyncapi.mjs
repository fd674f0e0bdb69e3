// Checks AsyncAPI documents with the official parser: `node scripts/asyncapi.mjs FILE…`.
import { readFile } from 'node:fs/promises';
import { DiagnosticSeverity, Parser } from '@asyncapi/parser';

const here = new URL('../../../docs/schema/asyncapi.json', import.meta.url);
const files = process.argv.length > 2 ? process.argv.slice(2) : [here];
let faults = 0;
for (const file of files) {
  const { document, diagnostics } = await new Parser().parse(await readFile(file, 'utf8'));
  const told = diagnostics.filter((each) => each.severity <= DiagnosticSeverity.Warning);
  for (const each of told) {
    console.error(`${file}: ${each.path.join('.')}: ${each.message} (${each.code})`);
  }
  if (document === undefined || told.length > 0) {
    faults += 1;
  } else {
    const counts = ['channels', 'operations', 'messages'].map((part) => [
      part,
      document[part]().length,
    ]);
    console.log(`${file}: AsyncAPI ${document.version()}`, Object.fromEntries(counts));
  }
}
process.exit(faults > 0 ? 1 : 0);
