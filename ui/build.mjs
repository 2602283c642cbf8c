// Bundles src/main.tsx and style.css into the folder given as argument; with `--pure FOLDER` only the modules that test/ runs in Node.
import { build } from "esbuild";
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";

const common = { bundle: true, format: "esm", target: "es2022", legalComments: "inline", logLevel: "warning" };

if (process.argv[2] === "--pure") {
  const entryPoints = ["src/frames.ts", "src/format.ts", "src/order.ts", "src/charts/columns.ts", ...["surface", "view", "raster", "pick", "colours", "reading"].map((name) => `src/field/${name}.ts`)];
  await build({ ...common, entryPoints, outdir: process.argv[3], entryNames: "[name]", outExtension: { ".js": ".mjs" } });
} else {
  const out = process.argv[2] ?? "../src/didymos/service/static";
  await rm(out, { recursive: true, force: true });
  await mkdir(out, { recursive: true });
  await build({ ...common, entryPoints: { app: "src/main.tsx" }, outdir: out, minify: true, jsx: "automatic", jsxImportSource: "preact" });
  const uplot = await readFile("node_modules/uplot/dist/uPlot.min.css", "utf8");
  await writeFile(`${out}/app.css`, uplot + (await readFile("style.css", "utf8")));
  await cp("index.html", `${out}/index.html`);
}
