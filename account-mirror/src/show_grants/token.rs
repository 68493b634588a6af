//! Splits a line of the server's output into words, signs and quoted texts.

/// A name, a string, or anything else of a line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Token {
    /// Something in quotes of any kind, without them.
    Quoted(String),
    /// A word or a sign.
    Other(String),
}

impl Token {
    /// Whether it is this unquoted word or sign.
    pub fn is(&self, word: &str) -> bool {
        matches!(self, Self::Other(text) if text == word)
    }

    /// What it says.
    pub fn text(&self) -> &str {
        match self {
            Self::Quoted(text) | Self::Other(text) => text,
        }
    }

    pub(super) fn is_quoted(&self) -> bool {
        matches!(self, Self::Quoted(_))
    }

    pub(super) fn shown(&self) -> String {
        match self {
            Self::Quoted(text) => format!("`{text}`"),
            Self::Other(text) => text.clone(),
        }
    }
}

/// The tokens of a line that was shown under `NO_BACKSLASH_ESCAPES`: quotes are doubled inside
/// quotes, and a backslash is a character. A string that does not end takes the rest of the line, the
/// same for both accounts.
pub fn tokens(line: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '`' | '\'' | '"' => {
                let mut text = String::new();
                while let Some(next) = chars.next() {
                    if next == c && chars.next_if_eq(&c).is_none() {
                        break;
                    }
                    text.push(next);
                }
                tokens.push(Token::Quoted(text));
            }
            c if c.is_whitespace() => {}
            c if is_word(c) => {
                let mut text = c.to_string();
                while let Some(next) = chars.next_if(|c| is_word(*c)) {
                    text.push(next);
                }
                tokens.push(Token::Other(text));
            }
            sign => tokens.push(Token::Other(sign.to_string())),
        }
    }
    tokens
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$' | '%' | ':' | '/' | '-')
}
