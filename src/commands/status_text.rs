//! The matrix as a table that fits a terminal.

use comfy_table::{ColumnConstraint, ContentArrangement, Table, presets};
use jiff::Timestamp;

use super::report::{Body, Page, StatusCell, StatusReport};
use crate::domain::artifact::{ImageTag, Revision};

/// The matrix: a row for each service, a column for each environment.
pub fn text(body: &Body, page: &Page) -> String {
    let Body::Status(report) = body else {
        return String::new();
    };
    if report.services.is_empty() {
        return String::new();
    }
    matrix(report, page)
}

fn matrix(report: &StatusReport, page: &Page) -> String {
    let several_domains = report.services.windows(2).any(|pair| pair[0].domain != pair[1].domain);
    let mut header = vec!["SERVICE".to_owned()];
    if several_domains {
        header.insert(0, "DOMAIN".to_owned());
    }
    header
        .extend(report.environments.iter().map(|environment| environment.as_str().to_uppercase()));
    let mut table = table(page);
    table.set_header(header);
    for row in &report.services {
        let mut cells = vec![row.service.to_string()];
        if several_domains {
            cells.insert(0, row.domain.to_string());
        }
        cells.extend(report.environments.iter().map(|environment| {
            row.environments
                .get(environment)
                .map_or_else(|| "–".to_owned(), |cell| told(cell, page.now))
        }));
        table.add_row(cells);
    }
    // A name is not broken, where the page has room for it.
    let names = if several_domains { 2 } else { 1 };
    let widths = table.column_max_content_widths();
    let taken: usize = widths.iter().take(names).map(|width| usize::from(*width) + 2).sum();
    if taken * 2 <= page.width {
        for column in table.column_iter_mut().take(names) {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    finished(&table)
}

/// A table of plain columns, as wide as the page at most.
pub fn table(page: &Page) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(u16::try_from(page.width).unwrap_or(u16::MAX));
    table
}

/// The table's text, without blanks at the ends of its lines.
pub fn finished(table: &Table) -> String {
    let mut text = String::new();
    for line in table.lines() {
        let line = line.trim_end();
        text.push_str(line.strip_prefix(' ').unwrap_or(line));
        text.push('\n');
    }
    text
}

fn told(cell: &StatusCell, now: Timestamp) -> String {
    let Some(pin) = &cell.pin else {
        return "not a valid pin".to_owned();
    };
    let since = cell.at.map(|at| format!(" · {}", ago(at, now))).unwrap_or_default();
    let by = cell.by.as_ref().map(|by| format!(" · {by}")).unwrap_or_default();
    format!("{}{since}{by}", short(&pin.image_tag))
}

/// A tag as people quote it: a commit id by its beginning.
pub fn short(tag: &ImageTag) -> &str {
    if tag.as_str().parse::<Revision>().is_ok() { &tag.as_str()[..7] } else { tag.as_str() }
}

/// How long ago, in one unit.
pub fn ago(then: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second().saturating_sub(then.as_second()).max(0);
    match seconds {
        0..60 => "now".to_owned(),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..86_400 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_while_is_told_in_one_unit() {
        let now: Timestamp = "2026-11-21T12:00:00Z".parse().expect("time");
        for (then, expected) in [
            ("2026-11-21T11:59:30Z", "now"),
            ("2026-11-21T12:05:00Z", "now"),
            ("2026-11-21T11:01:00Z", "59m"),
            ("2026-11-20T13:00:00Z", "23h"),
            ("2026-10-21T12:00:00Z", "31d"),
        ] {
            assert_eq!(ago(then.parse().expect("time"), now), expected);
        }
    }
}
