#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| damsync_hostile::answers::holds(bytes));
