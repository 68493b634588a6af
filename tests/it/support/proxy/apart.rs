//! The account statements of one text, sent to the server one after another, so that a test can stop
//! before each of them. Their answers are put together to the one that the server gives to the text.

use crate::support::wire::Message;

/// With what an account statement begins that stands in a text with others.
const WORDS: [&str; 6] = ["SELECT IF(", "GRANT ", "REVOKE ", "ALTER USER ", "CREATE USER ", "SET "];
const MORE_RESULTS: u8 = 0x08;

/// A guard on the server's clock: with it a text with account statements begins.
pub(super) fn is_guard(text: &str) -> bool {
    text.starts_with(WORDS[0])
}

/// The statements of a text that begins with a guard; anything else is one.
pub(super) fn parts(message: Message) -> Vec<Message> {
    if message.operation != "Query" || !is_guard(&message.text) {
        return vec![message];
    }
    let mut texts: Vec<String> = Vec::new();
    for piece in message.text.split(";\n") {
        match texts.last_mut() {
            Some(last) if !WORDS.iter().any(|word| piece.starts_with(word)) => {
                last.push_str(";\n");
                last.push_str(piece);
            }
            _ => texts.push(piece.to_owned()),
        }
    }
    texts.into_iter().map(query).collect()
}

/// The request to run this text.
pub(super) fn query(text: String) -> Message {
    let length = u32::try_from(text.len() + 1).unwrap().to_le_bytes();
    let mut bytes = vec![length[0], length[1], length[2], 0, 3];
    bytes.extend_from_slice(text.as_bytes());
    Message { operation: "Query".to_owned(), text, bytes }
}

#[derive(Clone, Copy, Debug)]
enum Next {
    First,
    Columns(u8),
    /// A row, or what ends them: the client wants no packet between columns and rows.
    Row,
}

/// What the server answers to a statement that was sent apart.
#[derive(Debug, Default)]
pub(super) struct Answer {
    next: Option<Next>,
    more: bool,
    sequence: u8,
    raw: Vec<u8>,
}

impl Answer {
    /// A statement is sent: the first of its text or not, and with more of them after it or not.
    pub(super) fn begin(&mut self, first: bool, more: bool) {
        self.sequence = if first { 1 } else { self.sequence };
        (self.next, self.more) = (Some(Next::First), more);
    }

    /// What of these bytes goes to the client, and, if the answer has ended, whether it is an error.
    pub(super) fn take(&mut self, bytes: &[u8]) -> (Vec<u8>, Option<bool>) {
        if self.next.is_none() {
            return (bytes.to_vec(), None);
        }
        self.raw.extend_from_slice(bytes);
        let (mut passed, mut ended) = (Vec::new(), None);
        while let Some(mut packet) = self.packet() {
            packet[3] = self.sequence;
            self.sequence = self.sequence.wrapping_add(1);
            ended = self.end(&mut packet[4..]);
            passed.extend(packet);
            if ended.is_some() {
                assert!(self.raw.is_empty(), "the server said more than was asked for");
                self.next = None;
                break;
            }
        }
        (passed, ended)
    }

    fn packet(&mut self) -> Option<Vec<u8>> {
        let [a, b, c, ..] = *self.raw.as_slice() else {
            return None;
        };
        let length = 4 + u32::from_le_bytes([a, b, c, 0]) as usize;
        (self.raw.len() >= length).then(|| self.raw.drain(..length).collect())
    }

    /// Follows the answer by one packet. At its end, whether it is an error.
    fn end(&mut self, payload: &mut [u8]) -> Option<bool> {
        let status = match payload {
            [0xFF, ..] => return Some(true),
            [0x00 | 0xFE, rest @ ..] if !matches!(self.next, Some(Next::Columns(_))) => {
                let affected = length_encoded(rest);
                Some(1 + affected + length_encoded(&rest[affected..]))
            }
            _ => None,
        };
        if let Some(status) = status.filter(|_| self.more) {
            payload[status] |= MORE_RESULTS;
        }
        let (next, is_end) = match (self.next?, payload[0]) {
            (Next::First, 0x00) => (Next::First, true),
            (Next::First, columns) => (Next::Columns(columns), false),
            (Next::Columns(1), _) => (Next::Row, false),
            (Next::Columns(columns), _) => (Next::Columns(columns - 1), false),
            (Next::Row, first) => (Next::Row, first == 0xFE),
        };
        self.next = Some(next);
        is_end.then_some(false)
    }
}

/// How many bytes a number takes that begins here.
fn length_encoded(bytes: &[u8]) -> usize {
    match bytes[0] {
        0xFC => 3,
        0xFD => 4,
        0xFE => 9,
        _ => 1,
    }
}
