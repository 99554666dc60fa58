//! Tables for people: columns of equal width, or one thing with a line for each of its fields.

/// Rows below their headings.
pub fn of_rows(columns: &[&str], rows: &[Vec<String>]) -> String {
    let headings: Vec<String> = columns.iter().map(|column| (*column).to_owned()).collect();
    let width = |column: usize| {
        let cells = rows.iter().chain([&headings]).filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    [&headings].into_iter().chain(rows).map(|row| line(row, &widths)).collect::<Vec<_>>().join("\n")
}

/// One row, its headings at the left.
pub fn of_one(columns: &[&str], row: &[String]) -> String {
    let width = columns.iter().map(|column| column.chars().count()).max().unwrap_or(0);
    let lines = columns
        .iter()
        .zip(row)
        .map(|(column, cell)| line(&[(*column).to_owned(), cell.clone()], &[width, 0]));
    lines.collect::<Vec<_>>().join("\n")
}

/// Columns stand two blanks apart; nothing stands empty, and nothing ends in blanks.
fn line(cells: &[String], widths: &[usize]) -> String {
    let shown = cells.iter().zip(widths).map(|(cell, width)| {
        let cell = if cell.is_empty() { "-" } else { cell };
        format!("{cell:<width$}")
    });
    shown.collect::<Vec<_>>().join("  ").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_gaps_are_shown() {
        let rows =
            [vec!["web".to_owned(), String::new()], vec!["a-longer-name".to_owned(), "IN_USE".to_owned()]];
        let expected = "NAME           STATE\nweb            -\na-longer-name  IN_USE";
        assert_eq!(of_rows(&["NAME", "STATE"], &rows), expected);
    }

    #[test]
    fn one_thing_is_a_line_for_each_field() {
        let row = ["web".to_owned(), "203.0.113.7".to_owned()];
        assert_eq!(of_one(&["NAME", "ADDRESS"], &row), "NAME     web\nADDRESS  203.0.113.7");
    }
}
