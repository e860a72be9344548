//! The names of some providers of passkeys, by the AAGUID that their authenticators give. They say so themselves: good for
//! a list that a user reads, and for nothing else.

/// Those that most passkeys come from.
const PROVIDERS: [([u8; 16], &str); 14] = [
    (id(0xea9b_8d66_4d01_1d21_3ce4_b6b4_8cb5_75d4), "Google Password Manager"),
    (id(0xfbfc_3007_154e_4ecc_8c0b_6e02_0557_d7bd), "iCloud Keychain"),
    (id(0xdd4e_c289_e01d_41c9_bb89_70fa_845d_4bf2), "iCloud Keychain (managed)"),
    (id(0x0898_7058_cadc_4b81_b6e1_30de_50dc_be96), "Windows Hello"),
    (id(0x9ddd_1817_af5a_4672_a2b9_3e3d_d950_00a9), "Windows Hello"),
    (id(0x6028_b017_b1d4_4c02_b4b3_afcd_afc9_6bb2), "Windows Hello"),
    (id(0xbada_5566_a7aa_401f_bd96_4561_9a55_120d), "1Password"),
    (id(0xd548_826e_79b4_db40_a3d8_1111_6f7e_8349), "Bitwarden"),
    (id(0x5311_26d6_e717_415c_9320_3d9a_a698_1239), "Dashlane"),
    (id(0xb84e_4048_15dc_4dd0_8640_f4f6_0813_c8af), "NordPass"),
    (id(0x5072_6f74_6f6e_5061_7373_5072_6f74_6f6e), "Proton Pass"),
    (id(0xfdb1_41b2_5d84_443e_8a35_4698_c205_a502), "KeePassXC"),
    (id(0x5341_4d53_554e_4700_0000_0000_0000_0000), "Samsung Pass"),
    (id(0xadce_0002_35bc_c60a_648b_0b25_f1f0_5503), "Chrome on Mac"),
];

const fn id(value: u128) -> [u8; 16] {
    value.to_be_bytes()
}

/// The provider, if it is known.
#[must_use]
pub fn provider(aaguid: &[u8; 16]) -> Option<&'static str> {
    PROVIDERS.into_iter().find(|(known, _)| known == aaguid).map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_known_by_its_id_and_nobody_is_known_by_none() {
        let bitwarden = 0xd548_826e_79b4_db40_a3d8_1111_6f7e_8349_u128.to_be_bytes();
        assert_eq!(provider(&bitwarden), Some("Bitwarden"));
        assert_eq!(provider(&[0; 16]), None);
    }
}
