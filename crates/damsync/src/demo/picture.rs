//! Small pictures that any viewer opens, made without a picture library.

/// A colour.
pub type Rgb = [u8; 3];

/// The size of every picture here.
const WIDTH: u32 = 120;
const HEIGHT: u32 = 80;

/// The sum that ends each chunk of a PNG.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 })
    })
}

/// The sum that ends a zlib stream.
fn adler32(bytes: &[u8]) -> u32 {
    let (a, b) = bytes.iter().fold((1_u32, 0_u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    (b << 16) | a
}

/// A zlib stream of stored blocks: the bytes themselves, with their lengths.
fn zlib_stored(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0x78, 0x01];
    let blocks: Vec<&[u8]> = bytes.chunks(0xFFFF).collect();
    for (index, block) in blocks.iter().enumerate() {
        // A chunk of at most 0xFFFF bytes has a length that fits.
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        out.push(u8::from(index + 1 == blocks.len()));
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&(!length).to_le_bytes());
        out.extend_from_slice(block);
    }
    out.extend_from_slice(&adler32(bytes).to_be_bytes());
    out
}

fn chunk(out: &mut Vec<u8>, kind: [u8; 4], data: &[u8]) {
    let mut body = kind.to_vec();
    body.extend_from_slice(data);
    out.extend_from_slice(&u32::try_from(data.len()).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(&body);
    out.extend_from_slice(&crc32(&body).to_be_bytes());
}

/// A disc before a sky that fades towards the ground.
fn pixel(x: u32, y: u32, sky: Rgb, disc: Rgb) -> Rgb {
    let (dx, dy) = (i64::from(x) - i64::from(WIDTH / 2), i64::from(y) - i64::from(HEIGHT / 2));
    if dx * dx + dy * dy <= 26 * 26 {
        return disc;
    }
    sky.map(|part| u8::try_from(u32::from(part) * (2 * HEIGHT - y) / (2 * HEIGHT)).unwrap_or(part))
}

/// A PNG.
pub fn png(sky: Rgb, disc: Rgb) -> Vec<u8> {
    let mut rows = Vec::new();
    for y in 0..HEIGHT {
        rows.push(0); // this row is not filtered
        rows.extend((0..WIDTH).flat_map(|x| pixel(x, y, sky, disc)));
    }
    let mut header = Vec::new();
    header.extend_from_slice(&WIDTH.to_be_bytes());
    header.extend_from_slice(&HEIGHT.to_be_bytes());
    header.extend_from_slice(&[8, 2, 0, 0, 0]); // 8 bits a channel, RGB, not interlaced
    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    chunk(&mut out, *b"IHDR", &header);
    chunk(&mut out, *b"IDAT", &zlib_stored(&rows));
    chunk(&mut out, *b"IEND", &[]);
    out
}

/// A BMP of 24 bits a pixel.
pub fn bmp(sky: Rgb, disc: Rgb) -> Vec<u8> {
    let row_bytes = WIDTH * 3; // a multiple of four: no padding
    let (head_bytes, pixel_bytes) = (54_u32, row_bytes * HEIGHT);
    let mut out = b"BM".to_vec();
    for number in
        [head_bytes + pixel_bytes, 0, head_bytes, 40, WIDTH, HEIGHT, 1 | (24 << 16), 0, pixel_bytes, 2835, 2835, 0, 0]
    {
        out.extend_from_slice(&number.to_le_bytes());
    }
    for y in (0..HEIGHT).rev() {
        for x in 0..WIDTH {
            let [red, green, blue] = pixel(x, y, sky, disc);
            out.extend_from_slice(&[blue, green, red]);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sums_are_the_well_known_ones() {
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
        assert_eq!(adler32(b"Wikipedia"), 0x11E6_0398);
        assert_eq!(crc32(b"IEND"), 0xAE42_6082);
    }

    #[test]
    fn a_png_is_well_formed_to_its_last_chunk() {
        let png = png([10, 20, 30], [200, 0, 0]);
        assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
        let mut rest = &png[8..];
        let mut kinds = Vec::new();
        while !rest.is_empty() {
            let length = u32::from_be_bytes(rest[..4].try_into().unwrap()) as usize;
            let body = &rest[4..8 + length];
            assert_eq!(crc32(body).to_be_bytes(), rest[8 + length..12 + length]);
            kinds.push(String::from_utf8(body[..4].to_vec()).unwrap());
            if body.starts_with(b"IDAT") {
                let stream = &body[4..];
                assert_eq!(u16::from_be_bytes([stream[0], stream[1]]) % 31, 0, "zlib's header check");
                let (stored, length) = (&stream[7..stream.len() - 4], u16::from_le_bytes([stream[3], stream[4]]));
                assert_eq!(stored.len(), usize::from(length));
                assert_eq!(stored.len(), (HEIGHT * (WIDTH * 3 + 1)) as usize);
                assert_eq!(adler32(stored).to_be_bytes(), stream[stream.len() - 4..]);
            }
            rest = &rest[12 + length..];
        }
        assert_eq!(kinds, ["IHDR", "IDAT", "IEND"]);
    }

    #[test]
    fn a_bmp_is_as_long_as_it_says() {
        let bmp = bmp([10, 20, 30], [200, 0, 0]);
        assert_eq!(u32::from_le_bytes(bmp[2..6].try_into().unwrap()) as usize, bmp.len());
        assert_eq!(bmp.len(), (54 + WIDTH * HEIGHT * 3) as usize);
    }
}
