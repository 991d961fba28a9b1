#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| nasrec_fuzz::inside(nasrec_runtime::fuzzing::network, bytes));
