//! JSON that says by a checksum whether it was changed: what a run or a model says of itself.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Between an object's last member and its checksum.
const MARK: &str = ",\n  \"checksum\": \"";
const END: &str = "\"\n}\n";

/// An object as JSON that a person can read as well, its checksum the last member.
pub(crate) fn seal(object: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut text = serde_json::to_string_pretty(object)?;
    // The object's last brace, and the end of the line before it.
    text.truncate(text.trim_end_matches('}').trim_end().len());
    let checksum = blake3::hash(text.as_bytes()).to_hex();
    text.extend([MARK, &checksum, END]);
    Ok(text.into_bytes())
}

/// A text without a checksum, with one.
#[cfg(fuzzing)]
pub(crate) fn sealed_text(text: &[u8]) -> Vec<u8> {
    let body = text.trim_ascii_end();
    let body = body.strip_suffix(b"}").unwrap_or(body).trim_ascii_end();
    [body, MARK.as_bytes(), blake3::hash(body).to_hex().as_bytes(), END.as_bytes()].concat()
}

/// What [`seal`] wrote, and its checksum; in words why it is not that, byte for byte.
pub(crate) fn unseal<T: DeserializeOwned>(bytes: &[u8]) -> Result<(T, String), &'static str> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not text")?;
    let (body, rest) = text.rsplit_once(MARK).ok_or("it has no checksum")?;
    let checksum = rest.strip_suffix(END).ok_or("it does not end with its checksum")?;
    if blake3::hash(body.as_bytes()).to_hex().as_str() != checksum {
        return Err("its checksum is another: it was changed after it was written");
    }
    // Sound, and still not what is expected: another version wrote it.
    let object = serde_json::from_str(text).map_err(|_| "another version of nasrecc wrote it")?;
    Ok((object, checksum.to_owned()))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Sample {
        name: String,
        inner: Vec<Option<f64>>,
    }

    #[test]
    fn every_damage_shows() {
        let sample = Sample { name: "a\"}\n".to_owned(), inner: vec![Some(0.1 + 0.2), None] };
        let sealed = seal(&sample).expect("JSON");
        let (back, checksum) = unseal::<Sample>(&sealed).expect("sound");
        assert_eq!((back, checksum.len()), (sample, 64));
        for at in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[at] ^= 1;
            assert!(unseal::<Sample>(&damaged).is_err(), "byte {at}");
            assert!(unseal::<Sample>(&sealed[..at]).is_err(), "cut to {at} bytes");
        }
        let other = String::from_utf8(seal(&["a"]).expect("JSON")).expect("text");
        assert!(unseal::<Sample>(other.as_bytes()).is_err());
    }
}
