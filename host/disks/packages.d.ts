// What is used of packages that have no types of their own, or none that fit how Node loads them.
declare module "seek-bzip" {
  interface Input {
    readByte(): number;
    read(target: Uint8Array, start: number, size: number): number;
  }
  interface Output {
    writeByte(byte: number): void;
  }
  const Bunzip: { decode(input: Input, output: Output, multistream: boolean): void };
  export default Bunzip;
}
