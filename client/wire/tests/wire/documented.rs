//! `docs/protocol.md` has every kind and every fault code.

use std::fmt::Write as _;
use std::path::Path;

use posthouse_wire::*;

fn document() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/protocol.md");
    std::fs::read_to_string(path).expect("the document lies in the same tree")
}

#[test]
fn every_fault_code_has_its_row() {
    let mut table = "| code | name | what | retry |\n|---:|---|---|---|\n".to_owned();
    for code in FaultCode::ALL {
        let retry = match code.remedy() {
            Remedy::Retry => "yes",
            Remedy::Change => "",
        };
        writeln!(table, "| {} | {code:?} | {} | {retry} |", code.number(), code.meaning()).expect("a String");
        assert_eq!(FaultCode::from_number(code.number()), Some(*code));
        assert_eq!(code.name(), format!("{code:?}"));
    }
    assert!(document().contains(&table), "the table of fault codes in docs/protocol.md should be:\n{table}");
    assert_eq!(FaultCode::from_number(0), None);
}

#[test]
fn every_kind_has_its_row() {
    let document = document();
    for kind in Kind::ALL {
        let sender = match kind.sender() {
            Sender::Client => "client",
            Sender::Broker => "broker",
            Sender::Both => "both",
        };
        let row = format!("| {:#04X} | {kind} | {sender} |", kind.number()).replace("0X", "0x");
        assert!(document.contains(&row), "docs/protocol.md lacks {row}");
        assert_eq!(Kind::from_number(kind.number()), Some(*kind));
    }
}
