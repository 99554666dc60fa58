//! From the text of a filter to what it says. Says where it stops making sense.

use std::fmt;

use super::{DEEPEST, Expression};

#[derive(Clone, Debug, PartialEq, Eq)]
enum Word {
    Open,
    Close,
    Is,
    IsNot,
    /// In quotes it is never a keyword.
    Text {
        text: String,
        quoted: bool,
    },
}

/// As it was written.
impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => f.write_str("\"(\""),
            Self::Close => f.write_str("\")\""),
            Self::Is => f.write_str("\"=\""),
            Self::IsNot => f.write_str("\"!=\""),
            Self::Text { text, .. } => write!(f, "{text:?}"),
        }
    }
}

impl Word {
    fn is_keyword(&self, keyword: &str) -> bool {
        matches!(self, Self::Text { text, quoted: false } if text == keyword)
    }
}

fn words(text: &str) -> Result<Vec<Word>, String> {
    let (mut words, mut rest) = (Vec::new(), text.trim_start());
    while let Some(first) = rest.chars().next() {
        let (word, length) = match first {
            '(' => (Word::Open, 1),
            ')' => (Word::Close, 1),
            '=' => (Word::Is, 1),
            '!' if rest.starts_with("!=") => (Word::IsNot, 2),
            '"' => quoted(rest)?,
            _ => bare(rest)?,
        };
        words.push(word);
        rest = rest.get(length..).unwrap_or_default().trim_start();
    }
    Ok(words)
}

fn quoted(rest: &str) -> Result<(Word, usize), String> {
    let inside = rest.get(1..).unwrap_or_default();
    let end = inside.find('"').ok_or_else(|| format!("the quote in {rest:?} has no end"))?;
    let text = inside.get(..end).unwrap_or_default().to_owned();
    Ok((Word::Text { text, quoted: true }, end + 2))
}

fn bare(rest: &str) -> Result<(Word, usize), String> {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | ':' | '/');
    let end = rest.find(|c| !fits(c)).unwrap_or(rest.len());
    match rest.get(..end).filter(|text| !text.is_empty()) {
        Some(text) => Ok((Word::Text { text: text.to_owned(), quoted: false }, end)),
        None => Err(format!("{rest:?} makes no sense here: expected FIELD = \"value\"")),
    }
}

/// What is left to read.
struct Rest(std::iter::Peekable<std::vec::IntoIter<Word>>);

/// The whole text as one expression.
pub(super) fn expression(text: &str) -> Result<Expression, String> {
    let mut rest = Rest(words(text)?.into_iter().peekable());
    let expression = rest.all(0)?;
    match rest.0.next() {
        None => Ok(expression),
        Some(word) => Err(format!("{word} is more than was expected: join parts by AND or OR, in capitals")),
    }
}

impl Rest {
    fn takes(&mut self, keyword: &str) -> bool {
        self.0.next_if(|word| word.is_keyword(keyword)).is_some()
    }

    fn all(&mut self, depth: usize) -> Result<Expression, String> {
        let mut parts = vec![self.any(depth)?];
        while self.takes("AND") {
            parts.push(self.any(depth)?);
        }
        Ok(one_or(parts, Expression::All))
    }

    fn any(&mut self, depth: usize) -> Result<Expression, String> {
        let mut parts = vec![self.term(depth)?];
        while self.takes("OR") {
            parts.push(self.term(depth)?);
        }
        Ok(one_or(parts, Expression::Any))
    }

    fn term(&mut self, depth: usize) -> Result<Expression, String> {
        if depth > DEEPEST {
            return Err(format!("it goes deeper than {DEEPEST}"));
        }
        if self.takes("NOT") {
            return Ok(Expression::Not(Box::new(self.term(depth + 1)?)));
        }
        if self.0.next_if_eq(&Word::Open).is_some() {
            let inner = self.all(depth + 1)?;
            return match self.0.next() {
                Some(Word::Close) => Ok(inner),
                _ => Err("a parenthesis has no end".into()),
            };
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Result<Expression, String> {
        let expected = || "expected FIELD = \"value\"".to_owned();
        let Some(Word::Text { text: field, quoted: false }) = self.0.next() else { return Err(expected()) };
        let operator = self.0.next();
        let Some(Word::Text { text: value, .. }) = self.0.next() else { return Err(expected()) };
        let is = Expression::Is(field, value);
        match operator {
            Some(Word::Is) => Ok(is),
            Some(Word::IsNot) => Ok(Expression::Not(Box::new(is))),
            _ => Err(expected()),
        }
    }
}

fn one_or(mut parts: Vec<Expression>, many: fn(Vec<Expression>) -> Expression) -> Expression {
    match parts.len() {
        1 => parts.remove(0),
        _ => many(parts),
    }
}
