//! Packs `openapi.json`, which the binary carries compressed.

use std::io::Write as _;
use std::path::Path;
use std::{env, fs};

use flate2::Compression;
use flate2::write::GzEncoder;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=openapi.json");
    let text = fs::read("openapi.json").expect("it lies beside this file");
    let mut packed = GzEncoder::new(Vec::new(), Compression::best());
    packed.write_all(&text).expect("memory can be written to");
    let packed = packed.finish().expect("memory can be written to");
    let out = env::var_os("OUT_DIR").expect("cargo says where");
    fs::write(Path::new(&out).join("openapi.json.gz"), packed).expect("it can be written to");
}
