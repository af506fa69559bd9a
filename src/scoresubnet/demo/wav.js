/** A wav file, 16-bit PCM mono, of samples in [-1, 1]: Uint8Array. */
export function wavOf(audio, rate) {
  const file = new DataView(new ArrayBuffer(44 + 2 * audio.length));
  const text = (at, letters) =>
    [...letters].forEach((c, k) => file.setUint8(at + k, c.charCodeAt()));
  text(0, "RIFF");
  file.setUint32(4, 36 + 2 * audio.length, true);
  text(8, "WAVEfmt ");
  file.setUint32(16, 16, true); // bytes of the format
  file.setUint16(20, 1, true); // PCM
  file.setUint16(22, 1, true); // channels
  file.setUint32(24, rate, true);
  file.setUint32(28, 2 * rate, true); // bytes a second
  file.setUint16(32, 2, true); // bytes of a sample
  file.setUint16(34, 16, true); // bits of a sample
  text(36, "data");
  file.setUint32(40, 2 * audio.length, true);
  audio.forEach((value, k) => {
    const clipped = Math.min(Math.max(value, -1), 1);
    file.setInt16(44 + 2 * k, Math.min(Math.round(clipped * 32768), 32767), true);
  });
  return new Uint8Array(file.buffer);
}
