import { AppFrame } from "../parts/frame";
export function AssetPage({ id }: { id: string }) { return <AppFrame crumbs={[<a href="/">Fleet</a>, id]}>{null}</AppFrame>; }
