//! The picture of a request in the documentation: its real body, drawn as a forge shows it.
//!
//! Reads the Markdown that Pinrail writes and no more; anything else in it is a failure.

use pinrail::render::request::Page;
use regex::Regex;

const WIDTH: usize = 880;
const LEFT: usize = 40;
const LINE: usize = 22;
/// Pixels of five characters, on an average.
const FIVE: usize = 38;

const STYLE: &str = "\
text{font:13px system-ui,sans-serif;fill:#24292f}
.title{font-size:20px;font-weight:600}.h{font-size:15px;font-weight:600}
.b{font-weight:600}.dim{fill:#57606a}.on{fill:#fff;font-weight:600}.on,.m{text-anchor:middle}
.c{font:12px ui-monospace,monospace}.a{fill:#0969da}
.line{stroke:#8b949e;stroke-opacity:.35;fill:none}.fill{fill:#8b949e;fill-opacity:.12}
.go{fill:#1f883d}.tick{stroke:#fff;stroke-width:1.6;fill:none}
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.dim{fill:#9da7b1}.a{fill:#4493f8}}
";

/// Draws a request that is open from a branch into main.
pub fn draw(page: &Page, branch: &str) -> String {
    let mut drawing = Drawing { y: 34, shapes: String::new() };
    drawing.text(20, "title", &escaped(&page.title));
    drawing.y += 32;
    drawing.shape(&format!(
        "<rect class=\"go\" x=\"20\" y=\"{}\" width=\"58\" height=\"24\" rx=\"12\"/>",
        drawing.y - 17
    ));
    drawing.text(49, "on", "Open");
    drawing.text(
        90,
        "dim",
        &format!("pinrail asks to merge {} into {}", code_span(branch), code_span("main")),
    );
    drawing.y += 24;
    let top = drawing.y;
    drawing.y += 23;
    drawing.text(LEFT, "b", "pinrail");
    drawing.y += 17;
    let y = drawing.y;
    drawing.shape(&format!("<path class=\"line\" d=\"M20 {y}H{}\"/>", WIDTH - 20));
    drawing.y += 28;
    drawing.body(&page.body);
    let height = drawing.y - top;
    drawing.shape(&format!(
        "<rect class=\"line\" x=\"20\" y=\"{top}\" width=\"{}\" height=\"{height}\" rx=\"6\"/>",
        WIDTH - 40
    ));
    drawing.y += 20;
    drawing.shape(&format!(
        "<rect class=\"go\" x=\"20\" y=\"{}\" width=\"78\" height=\"34\" rx=\"6\"/>",
        drawing.y
    ));
    drawing.shape(&format!(
        "<rect class=\"line\" x=\"110\" y=\"{}\" width=\"78\" height=\"34\" rx=\"6\"/>",
        drawing.y
    ));
    drawing.y += 22;
    drawing.text(59, "on", "Merge");
    drawing.text(149, "b m", "Close");
    let bottom = drawing.y + 32;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {bottom}\" role=\"img\"><title>{}</title>\n<style>\n{STYLE}</style>\n{}</svg>\n",
        escaped(&format!("A request as an approver sees it: {}", page.title)),
        drawing.shapes
    )
}

struct Drawing {
    /// Where the next line stands.
    y: usize,
    shapes: String,
}

impl Drawing {
    fn shape(&mut self, shape: &str) {
        self.shapes.push_str(shape);
        self.shapes.push('\n');
    }

    /// A line of text, its spans drawn already.
    fn text(&mut self, x: usize, class: &str, drawn: &str) {
        let class = if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") };
        self.shape(&format!("<text x=\"{x}\" y=\"{}\"{class}>{drawn}</text>", self.y));
    }

    fn body(&mut self, body: &str) {
        let mut lines = body.lines().peekable();
        while let Some(line) = lines.next() {
            match line {
                "" => {}
                "---" => {
                    let y = self.y - 6;
                    self.shape(&format!(
                        "<path class=\"line\" d=\"M{LEFT} {y}H{}\"/>",
                        WIDTH - LEFT
                    ));
                    self.y += LINE;
                }
                "```sh" => {
                    let code: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
                    let height = code.len() * 20 + 16;
                    self.shape(&format!(
                        "<rect class=\"fill\" x=\"{LEFT}\" y=\"{}\" width=\"{}\" height=\"{height}\" rx=\"6\"/>",
                        self.y - 14,
                        WIDTH - 2 * LEFT
                    ));
                    self.y += 8;
                    for line in code {
                        self.text(LEFT + 14, "", &code_span(line));
                        self.y += 20;
                    }
                    self.y += 16;
                }
                line if line.starts_with("<!--") => {}
                line if line.starts_with('|') => {
                    let mut rows = vec![cells(line)];
                    while let Some(row) = lines.next_if(|line| line.starts_with('|')) {
                        rows.push(cells(row));
                    }
                    rows.remove(1);
                    self.table(&rows);
                }
                line => self.line(line),
            }
        }
    }

    fn line(&mut self, line: &str) {
        if let Some(heading) = line.strip_prefix("### ") {
            self.y += 10;
            self.text(LEFT, "h", &inline(heading));
            self.y += LINE + 4;
        } else if let Some(item) = line.strip_prefix("- ") {
            match item.strip_prefix("✅ ") {
                Some(passed) => {
                    let (x, y) = (LEFT + 8, self.y - 5);
                    self.shape(&format!("<circle class=\"go\" cx=\"{x}\" cy=\"{y}\" r=\"7\"/>"));
                    self.shape(&format!("<path class=\"tick\" d=\"M{} {y}l3 3l5 -6\"/>", x - 4));
                    self.text(LEFT + 24, "", &inline(passed));
                }
                None => self.text(LEFT + 6, "", &format!("• {}", inline(item))),
            }
            self.y += LINE;
        } else {
            assert!(!line.starts_with(['<', '>', '#']), "not drawn yet: {line}");
            self.text(LEFT, "", &inline(line));
            self.y += LINE + 8;
        }
    }

    fn table(&mut self, rows: &[Vec<String>]) {
        let length = |cell: &String| shown(cell).chars().count();
        let widths: Vec<usize> = (0..rows[0].len())
            .map(|column| rows.iter().map(|row| length(&row[column])).max().unwrap_or_default())
            .map(|longest| longest * FIVE / 5 + 22)
            .collect();
        let right = LEFT + widths.iter().sum::<usize>();
        assert!(right < WIDTH - 20, "the table is too wide: {right}");
        let top = self.y - 16;
        for (number, row) in rows.iter().enumerate() {
            if number > 0 {
                let y = self.y - 18;
                self.shape(&format!("<path class=\"line\" d=\"M{LEFT} {y}H{right}\"/>"));
            }
            let mut x = LEFT;
            for (cell, width) in row.iter().zip(&widths) {
                let class = if number == 0 { "b" } else { "" };
                self.shape(&format!(
                    "<text x=\"{}\" y=\"{}\" class=\"{class}\">{}</text>",
                    x + 11,
                    self.y,
                    inline(cell)
                ));
                x += width;
            }
            self.y += 29;
        }
        let height = self.y - top - 18;
        self.shape(&format!("<rect class=\"line\" x=\"{LEFT}\" y=\"{top}\" width=\"{}\" height=\"{height}\" rx=\"4\"/>", right - LEFT));
        self.y += 12;
    }
}

fn cells(row: &str) -> Vec<String> {
    row.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
}

/// Markdown within a line: code, links and what is bold.
fn inline(line: &str) -> String {
    let pattern =
        Regex::new(r"`([^`]+)`|\[([^\]]+)\]\([^)]+\)|\*\*([^*]+)\*\*").expect("a pattern");
    let mut drawn = String::new();
    let mut at = 0;
    for found in pattern.captures_iter(line) {
        let all = found.get(0).expect("all of it");
        drawn.push_str(&plain(&line[at..all.start()]));
        at = all.end();
        drawn.push_str(&match (found.get(1), found.get(2), found.get(3)) {
            (Some(code), ..) => code_span(code.as_str()),
            (_, Some(page), _) => format!("<tspan class=\"a\">{}</tspan>", inline(page.as_str())),
            (.., bold) => format!(
                "<tspan class=\"b\">{}</tspan>",
                plain(bold.map_or("", |bold| bold.as_str()))
            ),
        });
    }
    drawn + &plain(&line[at..])
}

fn code_span(text: &str) -> String {
    format!("<tspan class=\"c\">{}</tspan>", escaped(text))
}

/// A text of Markdown: entities are the same in a picture, and spaces of no width are no use.
fn plain(text: &str) -> String {
    assert!(!text.contains(['`', '[', '<', '>']), "not drawn yet: {text}");
    text.replace("&#x200B;", "")
}

/// What is to be seen of a line.
fn shown(line: &str) -> String {
    let tags = Regex::new("<[^>]*>|&[^;]*;").expect("a pattern");
    tags.replace_all(&inline(line), "").into_owned()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
