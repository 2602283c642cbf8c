// The page's entry: one socket, one store, and the page that the address names.
import { render } from "preact";
import { startLive } from "./live";
import { AssetPage } from "./pages/asset";
import { FleetPage } from "./pages/fleet";
import { AppFrame } from "./parts/frame";
import { Empty } from "./parts/states";
import { takeToken } from "./parts/cases";
import { follow, path } from "./route";
import { startStore } from "./store";

function App() {
  const place = path.value.split("?")[0] ?? "/";
  const asset = /^\/asset\/([a-z0-9_-]+)$/.exec(place)?.[1];
  if (asset) return <AssetPage key={asset} id={asset} />;
  if (place === "/") return <FleetPage />;
  return <AppFrame crumbs={[<a href="/">Fleet</a>]}><Empty>There is no page {place}. <a href="/">Go to the fleet.</a></Empty></AppFrame>;
}

document.addEventListener("click", follow);
takeToken();
startLive();
startStore();
const root = document.getElementById("app")!;
root.textContent = "";
render(<App />, root);
