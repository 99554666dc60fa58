//! Reading nftables' messages as far as a trace needs it (linux/netfilter/nf_tables.h).

const SUBSYSTEM: u8 = 10;
const NEW_RULE: u8 = 6;
const TRACE: u8 = 17;

/// What a rule decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The packet goes no further.
    Drop,
    /// The next table follows.
    Accept,
    /// The next rule follows.
    Continue,
    /// Back to the chain that jumped here.
    Return,
    /// On with this chain.
    Jump(String),
    /// Any other, by the kernel's number.
    Other(i32),
}

/// One rule that applied to one packet, or a chain's end.
#[derive(Debug)]
pub(super) struct Traced {
    pub(super) id: u32,
    pub(super) table: String,
    pub(super) chain: String,
    /// None where a chain ended.
    pub(super) handle: Option<u64>,
    pub(super) verdict: Option<Verdict>,
    pub(super) macs: Option<([u8; 6], [u8; 6])>,
    pub(super) network: Vec<u8>,
    pub(super) transport: Vec<u8>,
}

/// A rule that was made.
pub(super) struct Rule {
    pub(super) table: String,
    pub(super) handle: u64,
    pub(super) comment: String,
}

pub(super) enum Message {
    Traced(Traced),
    Rule(Rule),
}

/// The messages in one datagram.
pub(super) fn messages(mut bytes: &[u8]) -> Vec<Message> {
    const HEADERS: usize = 16 + 4;
    let mut found = Vec::new();
    while let Some(length) = bytes.get(..4).map(|length| host(length) as usize).filter(|at| *at >= HEADERS) {
        let (kind, subsystem) = (bytes[4], bytes[5]);
        let Some(body) = bytes.get(HEADERS..length).filter(|_| subsystem == SUBSYSTEM) else { break };
        match kind {
            TRACE => found.extend(traced(body).map(Message::Traced)),
            NEW_RULE => found.extend(rule(body).map(Message::Rule)),
            _ => {}
        }
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    found
}

fn traced(body: &[u8]) -> Option<Traced> {
    // What the namespace sends itself came by no link; bytes before its IP header mean nothing yet.
    let came = attribute(body, 10).is_some();
    let link = attribute(body, 7).filter(|link| came && link.len() >= 12);
    let mac = |at: usize| link.and_then(|link| link[at..at + 6].try_into().ok());
    Some(Traced {
        table: text(attribute(body, 1)?),
        chain: text(attribute(body, 2)?),
        handle: attribute(body, 3).and_then(long),
        verdict: attribute(body, 5).and_then(verdict),
        id: number(attribute(body, 6)?)?,
        macs: mac(0).zip(mac(6)),
        network: attribute(body, 8).unwrap_or_default().to_vec(),
        transport: attribute(body, 9).unwrap_or_default().to_vec(),
    })
}

fn verdict(body: &[u8]) -> Option<Verdict> {
    Some(match number(attribute(body, 1)?)?.cast_signed() {
        0 => Verdict::Drop,
        1 => Verdict::Accept,
        -1 => Verdict::Continue,
        -3 => Verdict::Jump(text(attribute(body, 2)?)),
        -5 => Verdict::Return,
        other => Verdict::Other(other),
    })
}

fn rule(body: &[u8]) -> Option<Rule> {
    // What user space keeps beside a rule: kind, length, bytes. A comment is of the kind 0.
    let kept = attribute(body, 7)?;
    let comment = kept.get(2..2 + usize::from(*kept.get(1)?)).filter(|_| kept[0] == 0)?;
    Some(Rule {
        table: text(attribute(body, 1)?),
        handle: attribute(body, 3).and_then(long)?,
        comment: text(comment),
    })
}

/// The value of one attribute among several.
fn attribute(mut bytes: &[u8], wanted: u16) -> Option<&[u8]> {
    const HEADER: usize = 4;
    const KIND: u16 = 0x3fff;
    loop {
        let length = usize::from(u16::from_ne_bytes(bytes.get(..2)?.try_into().ok()?));
        let kind = u16::from_ne_bytes(bytes.get(2..4)?.try_into().ok()?) & KIND;
        let value = bytes.get(HEADER..length)?;
        if kind == wanted {
            return Some(value);
        }
        bytes = bytes.get(length.next_multiple_of(4)..)?;
    }
}

fn host(bytes: &[u8]) -> u32 {
    bytes.try_into().map_or(0, u32::from_ne_bytes)
}

fn number(bytes: &[u8]) -> Option<u32> {
    bytes.try_into().ok().map(u32::from_be_bytes)
}

fn long(bytes: &[u8]) -> Option<u64> {
    bytes.try_into().ok().map(u64::from_be_bytes)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end_matches('\0').to_owned()
}
