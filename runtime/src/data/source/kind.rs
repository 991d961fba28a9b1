//! What a file is, by its first bytes: its name is no evidence.

/// Bytes that are looked at.
pub(in crate::data) const LOOKED_AT: usize = 512;

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::data) enum Kind {
    /// Text, or what nothing is known of.
    Plain,
    Gzip,
    Zstd,
    Parquet,
    /// Something else, and what to do about it.
    Other {
        is: &'static str,
        remedy: &'static str,
    },
}

impl Kind {
    /// By the bytes that a file begins with.
    pub fn of(first: &[u8]) -> Self {
        let other = |is, remedy| Self::Other { is, remedy };
        if first.starts_with(&[0x1f, 0x8b]) {
            return Self::Gzip;
        }
        // A frame, or one that is skipped.
        if first.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) || matches!(first, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..]) {
            return Self::Zstd;
        }
        match first {
            [b'B', b'Z', b'h', b'1'..=b'9', 0x31, 0x41, 0x59, 0x26, ..] => {
                other("packed with bzip2", "unpack it: bunzip2 FILE")
            }
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => other("packed with xz", "unpack it: unxz FILE"),
            [0x04, 0x22, 0x4d, 0x18, ..] => other("packed with lz4", "unpack it: unlz4 FILE"),
            [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c, ..] => other("a 7-Zip archive", "unpack it: 7z x FILE"),
            [b'P', b'K', 3, 4, ..] if holds(first, b"[Content_Types].xml") || holds(first, b"xl/") => {
                other("an Excel workbook", "save its sheet as CSV")
            }
            [b'P', b'K', 3, 4, ..] => other("a ZIP archive", "unpack it: unzip FILE"),
            [0xd0, 0xcf, 0x11, 0xe0, ..] => other("an old Excel workbook", "save its sheet as CSV"),
            [b'P', b'A', b'R', b'1', next, ..] if next.is_ascii_control() || !next.is_ascii() => Self::Parquet,
            [b'A', b'R', b'R', b'O', b'W', b'1', 0, 0, ..] => {
                other("an Arrow (Feather) file", "write it as CSV, such as by pandas: read_feather(FILE).to_csv(NAME)")
            }
            [b'O', b'R', b'C', ..] if first.contains(&0) => {
                other("an ORC file", "write it as CSV, such as by pandas: read_orc(FILE).to_csv(NAME)")
            }
            [b'O', b'b', b'j', 1, ..] => other("an Avro file", "write it as CSV"),
            [0x89, b'H', b'D', b'F', ..] => {
                other("an HDF5 file", "write it as CSV, such as by pandas: read_hdf(FILE).to_csv(NAME)")
            }
            [0x93, b'N', b'U', b'M', b'P', b'Y', ..] => {
                other("a NumPy array", "write it as CSV: numpy.savetxt(NAME, array, delimiter=\",\")")
            }
            [0x80, 2..=5, ..] => {
                other("a Python pickle", "write it as CSV, such as by pandas: read_pickle(FILE).to_csv(NAME)")
            }
            _ if first.starts_with(b"SQLite format 3\0") => {
                other("an SQLite database", "write a table as CSV: sqlite3 -csv -header FILE 'select * from TABLE'")
            }
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => UTF16,
            _ if is_utf16(first) => UTF16,
            _ if is_old_mac(first) => other(
                "a text whose lines end as on old Macs",
                "give them the ends of today: tr '\\r' '\\n' < FILE > NEW",
            ),
            _ if ustar(first) => other("a tar archive", "unpack it: tar -xf FILE"),
            _ => Self::Plain,
        }
    }
}

impl Kind {
    /// What is wrong with what was packed, by its first bytes, and what to do; none where nothing is known to be.
    pub fn inside(first: &[u8]) -> Option<(&'static str, &'static str)> {
        match Self::of(first) {
            Self::Plain => None,
            Self::Gzip | Self::Zstd => Some(("packed twice", "unpack it once")),
            Self::Parquet => Some(("a packed Parquet file", "unpack it, and say `format parquet` in the schema")),
            Self::Other { is, remedy } => Some((is, remedy)),
        }
    }
}

const UTF16: Kind = Kind::Other { is: "a text in UTF-16", remedy: "write it in UTF-8: iconv -f UTF-16 -t UTF-8 FILE" };

/// A text of mostly Latin letters and digits without a mark, two bytes each.
fn is_utf16(first: &[u8]) -> bool {
    let (pairs, _) = first.as_chunks::<2>();
    let zeros = |at: usize| pairs.iter().filter(|pair| pair[at] == 0 && pair[1 - at] != 0).count();
    pairs.len() >= 4 && (zeros(0) * 10 >= pairs.len() * 9 || zeros(1) * 10 >= pairs.len() * 9)
}

/// Lines that end in a carriage return alone.
fn is_old_mac(first: &[u8]) -> bool {
    let rest = first.strip_suffix(b"\r").unwrap_or(first);
    !first.contains(&b'\n') && rest.contains(&b'\r')
}

fn ustar(first: &[u8]) -> bool {
    first.get(257..262).is_some_and(|magic| magic == b"ustar")
}

fn holds(bytes: &[u8], wanted: &[u8]) -> bool {
    memchr::memmem::find(bytes, wanted).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is(first: &[u8]) -> &'static str {
        match Kind::of(first) {
            Kind::Plain => "plain",
            Kind::Gzip => "gzip",
            Kind::Zstd => "zstd",
            Kind::Parquet => "Parquet",
            Kind::Other { is, .. } => is,
        }
    }

    #[test]
    fn files_are_known_by_their_first_bytes() {
        for plain in [
            &b""[..],
            b"0\t1\n",
            b"a",
            b"label,user\n0,1\n",
            b"BZhigh,low\n",
            b"PK,PAR\n",
            b"PAR1,PAR2\n",
            b"ORC\n",
            b"a,b\r\n0,1\r\n",
            b"a\r",
            "ä;ö\n".as_bytes(),
        ] {
            assert_eq!(is(plain), "plain", "{plain:?}");
        }
        let text: Vec<u8> = "0\t1\t2\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(is(&text), "a text in UTF-16");
        assert_eq!(is(&[&[0xff, 0xfe][..], &text].concat()), "a text in UTF-16");
        assert_eq!(is(b"a,b\r0,1\r"), "a text whose lines end as on old Macs");
        assert_eq!(is(b"BZh91AY&SY"), "packed with bzip2");
        assert_eq!(is(b"PK\x03\x04\x14\0[Content_Types].xml"), "an Excel workbook");
        assert_eq!(is(b"PK\x03\x04\x14\0a.tsv"), "a ZIP archive");
        assert_eq!(is(b"PAR1\x15\x04"), "Parquet");
        assert_eq!(is(b"\x28\xb5\x2f\xfd\x04"), "zstd");
    }
}
