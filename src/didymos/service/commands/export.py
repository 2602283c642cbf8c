"""`didymos export samples`: one channel's samples out of a running plant into a Parquet file, page by page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from didymos.core.clock import parse_time
from didymos.core.errors import ConfigError, ConnectError, DataError

app = typer.Typer(help="Data out of a running plant, in open formats.", no_args_is_help=True)
ARROW = "application/vnd.apache.arrow.stream"


@app.callback()
def export() -> None:
    """Data out of a running plant, in open formats."""


@app.command()
def samples(
    channel: Annotated[str, typer.Option(help="for example cp-01.flow")],
    start: Annotated[str, typer.Option(help="ISO 8601 with a zone, 2026-01-05T06:00:00Z")],
    end: Annotated[str, typer.Option(help="ISO 8601 with a zone; this moment is not in it")],
    out: Annotated[Path, typer.Option(help="the Parquet file to write; it must not exist")],
    url: Annotated[str, typer.Option(help="where the plant's page is")] = "http://127.0.0.1:8050",
    as_of: Annotated[str, typer.Option(help="only what was known then; ISO 8601 with a zone")] = "",
) -> None:
    """Every sample of one channel: time_ns, value (SI), quality. Channel and unit are in the file's metadata."""
    if out.exists():
        raise ConfigError(f"export: {out} exists. Give another --out, or move it away.")
    query = {"channel": channel, "start": _ms(start), "end": _ms(end)}
    if as_of:
        query["as_of"] = _ms(as_of)
    rows = written(url.rstrip("/"), query, out)
    typer.echo(f"{out}: {rows} samples of {channel}")


def _ms(text: str) -> str:
    return str(parse_time(text) // 1_000_000)


def written(url: str, query: dict[str, str], out: Path) -> int:
    """Rows in the new file `out`; the file is there only when it is whole."""
    import httpx
    import pyarrow as pa
    import pyarrow.parquet as pq

    part, rows = out.with_name(out.name + ".part"), 0
    try:
        with httpx.Client(base_url=url, trust_env=False, timeout=60.0) as client:
            go_on, writer = "0", None
            try:
                while go_on:
                    answer = client.get("/api/v1/samples", params={**query, "after_ns": go_on}, headers={"Accept": ARROW})
                    if answer.status_code != 200:
                        raise DataError(f"export: {_told(answer)}")
                    table = pa.ipc.open_stream(answer.content).read_all()
                    if writer is None:
                        writer = pq.ParquetWriter(part, table.schema, compression="zstd")
                    writer.write_table(table)
                    rows += table.num_rows
                    go_on = answer.headers.get("X-Next-Ns", "")
            finally:
                if writer is not None:
                    writer.close()
        part.rename(out)
    except httpx.HTTPError as error:
        raise ConnectError(f"export: {url} does not answer ({error}). Start the plant, or give its --url.") from error
    except OSError as error:
        raise DataError(f"export: {out} cannot be written ({error.strerror or error}). Give another --out.") from error
    finally:
        part.unlink(missing_ok=True)
    return rows


def _told(answer: object) -> str:
    """What the service says is wrong."""
    import httpx

    assert isinstance(answer, httpx.Response)
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError):
        return f"status {answer.status_code} from {answer.url}"
