//! Names that nobody can guess.

/// 128 random bits in hexadecimal.
pub fn random_id() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the kernel has random bytes");
    // `hex::encode` takes them one by one, and every turn has two such names.
    let mut digits = [0; 32];
    hex::encode_to_slice(bytes, &mut digits).expect("two digits a byte");
    String::from_utf8_lossy(&digits).into_owned()
}
