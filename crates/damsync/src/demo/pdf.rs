//! A PDF of one page, made by hand.

use std::fmt::Write;

/// One page with lines of plain ASCII text.
pub fn pdf(lines: &[&str]) -> Vec<u8> {
    let mut page = "BT /F1 18 Tf 24 TL 72 720 Td\n".to_owned();
    for line in lines {
        let escaped = line.replace('\\', "\\\\").replace('(', "\\(").replace(')', "\\)");
        // Writing to a String cannot fail.
        let _ = writeln!(page, "({escaped}) Tj T*");
    }
    page.push_str("ET\n");
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_owned(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>".to_owned(),
        format!("<< /Length {} >>\nstream\n{page}endstream", page.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_owned(),
    ];
    let mut out = "%PDF-1.4\n".to_owned();
    let mut places = Vec::new();
    for (index, object) in objects.iter().enumerate() {
        places.push(out.len());
        let _ = writeln!(out, "{} 0 obj\n{object}\nendobj", index + 1);
    }
    let table = out.len();
    let _ = write!(out, "xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for place in places {
        let _ = writeln!(out, "{place:010} 00000 n ");
    }
    let _ = write!(out, "trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n", objects.len() + 1);
    out.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_offset_leads_to_its_object() {
        let bytes = pdf(&["Delivery note", "(in brackets)"]);
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.starts_with("%PDF-1.4\n") && text.ends_with("%%EOF\n"));
        let table: usize = text.rsplit("startxref\n").next().unwrap().lines().next().unwrap().parse().unwrap();
        let rows: Vec<&str> = text[table..].lines().skip(3).take(5).collect();
        for (index, row) in rows.iter().enumerate() {
            assert_eq!(row.len(), 19, "an entry is 20 bytes with its line end");
            let place: usize = row[..10].parse().unwrap();
            assert!(text[place..].starts_with(&format!("{} 0 obj", index + 1)));
        }
        assert!(text.contains("(\\(in brackets\\)) Tj"));
    }
}
