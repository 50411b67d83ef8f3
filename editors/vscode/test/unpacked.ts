// Files of a package, which is a ZIP archive.
import { fromBuffer, type ZipFile } from "yauzl";

/** The text of every file by its name. */
export async function filesOf(archive: Buffer): Promise<Map<string, string>> {
  const zip = await new Promise<ZipFile>((resolve, reject) => {
    fromBuffer(archive, { lazyEntries: true, validateEntrySizes: true }, (error, opened) => {
      if (error) reject(error);
      else resolve(opened);
    });
  });
  const files = new Map<string, string>();
  return new Promise((resolve, reject) => {
    zip.on("error", reject);
    zip.on("end", () => {
      resolve(files);
    });
    zip.on("entry", (entry: { fileName: string }) => {
      zip.openReadStream(entry as never, (error, stream) => {
        if (error) {
          reject(error);
          return;
        }
        const parts: Buffer[] = [];
        stream.on("data", (part: Buffer) => parts.push(part));
        stream.on("error", reject);
        stream.on("end", () => {
          files.set(entry.fileName, Buffer.concat(parts).toString("utf8"));
          zip.readEntry();
        });
      });
    });
    zip.readEntry();
  });
}
