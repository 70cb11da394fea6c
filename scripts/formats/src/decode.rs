//! Bytes into text: byte order marks, UTF-8, UTF-16 with and without a mark, and what older programs write.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_16BE, UTF_16LE, UTF_8};

/// A file's text and the name of its encoding.
pub struct Text {
    pub text: String,
    pub encoding: &'static str,
    /// Whether some bytes stand for no character.
    pub damaged: bool,
}

/// How many bytes are looked at to tell UTF-16 and binary files.
const SAMPLE: usize = 4096;

/// Decodes a file. Never fails: bytes that stand for no character become U+FFFD.
pub fn decode(bytes: &[u8]) -> Text {
    let (encoding, marked) = match Encoding::for_bom(bytes) {
        Some((encoding, _)) => (encoding, true),
        None => (without_mark(bytes), false),
    };
    let (text, _, damaged) = encoding.decode(bytes);
    let text = match text.contains('\r') {
        true => text.replace("\r\n", "\n").replace('\r', "\n"),
        false => text.into_owned(),
    };
    let encoding = match (encoding.name(), marked) {
        ("UTF-8", true) => "UTF-8 with byte order mark",
        ("UTF-16LE", true) => "UTF-16LE with byte order mark",
        ("UTF-16BE", true) => "UTF-16BE with byte order mark",
        (name, _) => name,
    };
    Text {
        text,
        encoding,
        damaged,
    }
}

fn without_mark(bytes: &[u8]) -> &'static Encoding {
    let sample = bytes.get(..SAMPLE.min(bytes.len())).unwrap_or(bytes);
    if let Some(encoding) = utf16(sample) {
        return encoding;
    }
    if std::str::from_utf8(bytes).is_ok() {
        return UTF_8;
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(bytes, true);
    detector.guess(None, Utf8Detection::Allow)
}

/// Every other byte of plain text in UTF-16 is 0.
fn utf16(sample: &[u8]) -> Option<&'static Encoding> {
    let pairs = sample.len() / 2;
    if pairs < 4 {
        return None;
    }
    let zeros = |odd: usize| {
        sample
            .iter()
            .skip(odd)
            .step_by(2)
            .filter(|byte| **byte == 0)
            .count()
    };
    let (even, odd) = (zeros(0), zeros(1));
    match () {
        () if odd * 10 > pairs * 8 && even * 10 < pairs => Some(UTF_16LE),
        () if even * 10 > pairs * 8 && odd * 10 < pairs => Some(UTF_16BE),
        () => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings_without_a_mark() {
        let utf16: Vec<u8> = "Zähler;1\n"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        assert_eq!(decode(&utf16).text, "Zähler;1\n");
        assert_eq!(
            decode(b"Der Wert ist g\xfcltig; Z\xe4hler\r\n").text,
            "Der Wert ist gültig; Zähler\n"
        );
        assert_eq!(decode("\u{feff}a".as_bytes()).text, "a");
        assert_eq!(decode(b"").text, "");
    }
}
