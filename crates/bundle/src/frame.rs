//! The source lines around a place, for a terminal.

/// How much of a line is shown; minified files have lines of megabytes.
const WIDTH: usize = 120;

/// The lines around `line` (from 1) of `source`, with a marker under `column` (from 1, UTF-16 code units).
pub(crate) fn render(source: &str, line: u32, column: u32) -> Option<String> {
    let index = (line as usize).checked_sub(1)?;
    let lines: Vec<&str> = source.lines().skip(index.saturating_sub(2)).take(index.min(2) + 2).collect();
    let target = index.min(2);
    let at = char_index(lines.get(target)?, column);
    let from = at.saturating_sub(WIDTH * 2 / 3);
    let digits = (line as usize + 1).to_string().len();
    let mut frame = String::new();
    for (offset, text) in lines.iter().enumerate() {
        let number = index - target + offset + 1;
        let marker = if offset == target { '>' } else { ' ' };
        let shown: String = text.chars().skip(from).take(WIDTH).map(|c| if c == '\t' { ' ' } else { c }).collect();
        frame.push_str(format!("{marker} {number:>digits$} | {shown}").trim_end());
        frame.push('\n');
        if offset == target {
            frame.push_str(&format!("  {:digits$} | {:>width$}\n", "", '^', width = at - from + 1));
        }
    }
    frame.pop();
    Some(frame)
}

/// The number of characters before the UTF-16 column `column` of `line`.
fn char_index(line: &str, column: u32) -> usize {
    let mut units = column.saturating_sub(1) as usize;
    line.chars()
        .take_while(|c| {
            let before = units > 0;
            units = units.saturating_sub(c.len_utf16());
            before
        })
        .count()
}

#[cfg(test)]
mod tests {
    use super::render;

    #[test]
    fn marks_the_column_and_bounds_the_width() {
        let source = "one\ntwo\n\tlet 𝒳 = ;\nfour\nfive\n";
        assert_eq!(
            render(source, 3, 10).unwrap(),
            "  1 | one\n  2 | two\n> 3 |  let 𝒳 = ;\n    |         ^\n  4 | four"
        );
        assert_eq!(render("a", 1, 99).unwrap(), "> 1 | a\n    |  ^");
        assert_eq!(render("a", 7, 1), None);
        assert_eq!(render("a", 0, 1), None);
        let long = format!("{}HERE{}", "x".repeat(5000), "y".repeat(5000));
        let frame = render(&long, 1, 5001).unwrap();
        assert!(frame.contains("HERE") && frame.len() < 300, "{frame}");
        let marker = frame.lines().nth(1).unwrap().find('^').unwrap();
        assert_eq!(frame.lines().next().unwrap().find("HERE").unwrap(), marker);
    }
}
