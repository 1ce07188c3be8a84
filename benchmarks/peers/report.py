"""Tables in CSV and Markdown, written row by row, so that an interrupted run keeps its rows."""
import csv
import datetime
import pathlib

LABELS = {"kinglet": "Kinglet", "onnxruntime": "ONNX Runtime", "openvino": "OpenVINO",
          "openvino_default": "OpenVINO by itself",
          "opencv": "OpenCV", "ncnn": "ncnn"}


def machine():
    model = "unknown CPU"
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return f"{model}, {datetime.datetime.now().isoformat(timespec='minutes')}"


def markdown_line(cells):
    return "| " + " | ".join(str(cell) for cell in cells) + " |\n"


class Lines:
    """A plain table."""

    def __init__(self, settings, name, columns):
        self.csv_path = settings.out / f"{name}.csv"
        self.markdown_path = settings.out / f"{name}.md"
        with open(self.csv_path, "w", newline="") as file:
            csv.writer(file).writerow(columns)
        head = [column.replace("_", " ") for column in columns]
        self.markdown_path.write_text(f"{machine()}\n\n" + markdown_line(head) +
                                      "|" + "---|" * len(columns) + "\n")

    def add(self, *cells):
        with open(self.csv_path, "a", newline="") as file:
            csv.writer(file).writerow(cells)
        with open(self.markdown_path, "a") as file:
            file.write(markdown_line(cells))


class Comparison:
    """Engines side by side."""

    COLUMNS = ["network", "batch", "threads", "engine", "version", "median_ms", "min_ms", "p95_ms",
               "runs", "images_per_s", "peak_rss_mb", "ratio", "bar", "difference", "note"]

    def __init__(self, settings, bars):
        self.csv_path = settings.out / "peers.csv"
        self.markdown_path = settings.out / "peers.md"
        self.engines = settings.engines
        self.bars = bars
        self.remarks = [machine()]
        self.lines = []
        self.notes = {}
        self.wrong, self.below_one, self.below_bar, self.larger = [], [], [], []
        with open(self.csv_path, "w", newline="") as file:
            csv.writer(file).writerow(self.COLUMNS)

    def remark(self, text):
        self.remarks.append(text)
        self._write()

    def add(self, rows):
        """Adds the rows of one cell of the table, and says it in one line."""
        ours, peers = rows[0], rows[1:]
        where = (ours["network"], ours["batch"], ours["threads"])
        cell = f"{where[0]} batch {where[1]} threads {where[2]}"
        text = [f"{cell}: {ours['median_ms']:.2f} ms"]
        line = [*where, f"{ours['median_ms']:.2f}", f"{ours['peak_rss_mb']:.0f}"]
        for row in peers:
            if "ratio" not in row:
                line += ["-", "-", "-"]
                self.notes.setdefault(f"{LABELS[row['engine']]}: {row['note']}", []).append(cell)
                continue
            bar = self.bars.get(where) if row["engine"] == "onnxruntime" else None
            row["bar"] = bar or ""
            mark = "**" if row["ratio"] < (bar or 1.0) else ""
            shown = f"{mark}{row['ratio']:.2f}{mark}"
            line += [f"{row['median_ms']:.2f}", shown + (f" ({bar:.2f})" if bar else ""),
                     f"{row['peak_rss_mb']:.0f}"]
            self._judge(row, ours, bar, f"{cell}, {LABELS[row['engine']]}")
            text.append(f"{LABELS[row['engine']]} {row['median_ms']:.2f} x {row['ratio']:.2f}")
        self.lines.append(line)
        with open(self.csv_path, "a", newline="") as file:
            writer = csv.DictWriter(file, self.COLUMNS)
            writer.writerows({k: f"{v:.4f}" if isinstance(v, float) else v for k, v in r.items()}
                             for r in rows)
        self._write()
        return "; ".join(text)

    def _judge(self, row, ours, bar, where):
        if row["difference"] > 1:
            self.wrong.append(f"{where}: {row['difference']:.3g} tolerances")
        if row["ratio"] < 1:
            self.below_one.append(f"{where}: {row['ratio']:.2f}")
        if bar and row["ratio"] < bar:
            self.below_bar.append(f"{where}: {row['ratio']:.2f} of {bar:.2f}")
        if ours["peak_rss_mb"] > row["peak_rss_mb"]:
            self.larger.append(f"{where}: {ours['peak_rss_mb']:.0f} of {row['peak_rss_mb']:.0f} MB")

    def summary(self):
        parts = [("answers that differ", self.wrong), ("slower than a peer", self.below_one),
                 ("below the bar", self.below_bar), ("more memory than a peer", self.larger)]
        text = ""
        for title, items in parts:
            text += f"\n{title}: {len(items) or 'none'}\n"
            text += "".join(f"- {item}\n" for item in items)
        for reason, cells in self.notes.items():
            text += f"\n{reason} ({len(cells)} rows)\n"
        return text

    def _write(self):
        head = ["network", "batch", "threads", "Kinglet ms", "MB"]
        for engine in self.engines:
            bar = " (bar)" if engine == "onnxruntime" else ""
            head += [f"{LABELS[engine]} ms", "ratio" + bar, "MB"]
        text = "\n".join(f"{remark}  " for remark in self.remarks) + "\n\n"
        text += markdown_line(head) + "|" + "---|" * len(head) + "\n"
        text += "".join(markdown_line(line) for line in self.lines) + self.summary()
        self.markdown_path.write_text(text)
