import { promisify } from 'node:util';
import { inflate } from 'node:zlib';
import { counted } from '../../counted.js';
import { badFile } from '../../files/file-system-error.js';
import { DAMAGED_ADVICE } from '../content.js';

/**
 * MATLAB's level 5 MAT-file format (MathWorks, "MAT-File Format"): a header of 128 bytes, then data elements of a tag (type, bytes) and
 * content, padded to 8 bytes; each is a variable, as a rule deflated. Only what data sets need is read: full numeric arrays.
 * By hand, as npm's reader, mat-for-js, makes nested arrays of JavaScript numbers: gigabytes for SVHN's training images.
 */

const inflateBuffer = promisify(inflate);

const HEADER = 128;
/** Where HDF5 files may begin, and with what (HDF5 File Format Specification, II.A): MATLAB's version 7.3 puts 512 bytes in front. */
const HDF5_STARTS = [0, 512];
const HDF5_SIGNATURE = Buffer.from('\x89HDF\r\n\x1a\n', 'latin1');
const MATRIX = 14;
const COMPRESSED = 15;
/** Bytes of a number of each numeric type, and how it is read. */
const NUMBERS: Readonly<
	Record<number, readonly [bytes: number, read: (view: DataView, at: number, little: boolean) => number]>
> = {
	1: [1, (view, at) => view.getInt8(at)],
	2: [1, (view, at) => view.getUint8(at)],
	3: [2, (view, at, little) => view.getInt16(at, little)],
	4: [2, (view, at, little) => view.getUint16(at, little)],
	5: [4, (view, at, little) => view.getInt32(at, little)],
	6: [4, (view, at, little) => view.getUint32(at, little)],
	7: [4, (view, at, little) => view.getFloat32(at, little)],
	9: [8, (view, at, little) => view.getFloat64(at, little)],
};

/** A variable: a full real array of numbers. */
export interface MatVariable {
	readonly name: string;
	readonly dimensions: readonly number[];
	/** Elements, the first dimension running fastest; a Uint8Array where they are stored as unsigned bytes. */
	readonly values: Uint8Array | Float64Array;
}

interface Element {
	readonly type: number;
	readonly content: Uint8Array;
	/** Where the next element begins. */
	readonly end: number;
}

/**
 * The named variables of a file.
 * @param maximum bytes a variable may take at most: a small file cannot fill the memory
 * @throws GannoError `BAD_FILE` naming the path and what is wrong
 */
export async function readMatVariables(
	bytes: Uint8Array,
	path: string,
	names: readonly string[],
	maximum: number,
): Promise<MatVariable[]> {
	const refuse = (problem: string, advice = DAMAGED_ADVICE) => badFile(path, problem, advice);
	if (bytes.length < HEADER)
		throw refuse(`it is truncated: ${counted(bytes.length, 'byte')}, less than a MAT-file header`);
	const isHdf5 = HDF5_STARTS.some((at) => HDF5_SIGNATURE.equals(bytes.subarray(at, at + HDF5_SIGNATURE.length)));
	if (isHdf5 || Buffer.from(bytes.subarray(0, 10)).toString('latin1') === 'MATLAB 7.3') {
		throw refuse(
			'it is a MAT-file of version 7.3, which is HDF5; what is read is level 5',
			`Save it again with MATLAB's save(file, ${names.map((name) => `'${name}'`).join(', ')}, '-v7') or scipy.io.savemat, or get the official file`,
		);
	}
	const order = String.fromCharCode(bytes[126] as number, bytes[127] as number);
	if (order !== 'IM' && order !== 'MI') {
		throw refuse('it is no MAT-file of level 5 (no byte order at byte 126)', 'Is it the right file?');
	}
	const little = order === 'IM';
	const found = new Map<string, MatVariable>();
	for (let at = HEADER; at < bytes.length && found.size < names.length; ) {
		const outer = readElement(bytes, at, little, refuse);
		at = outer.end;
		let element = outer;
		if (outer.type === COMPRESSED) {
			let content: Uint8Array;
			try {
				content = await inflateBuffer(outer.content, { maxOutputLength: maximum + 4096 });
			} catch (error) {
				throw refuse(`a variable's deflated data are damaged or longer than expected (${(error as Error).message})`);
			}
			element = readElement(content, 0, little, refuse);
		}
		if (element.type !== MATRIX) continue;
		const variable = readMatrix(element.content, little, names, refuse);
		if (variable !== undefined) found.set(variable.name, variable);
	}
	return names.map((name) => {
		const variable = found.get(name);
		if (variable === undefined) throw refuse(`it lacks the variable ${name}`, 'Is it the right file?');
		return variable;
	});
}

type Refuse = (problem: string, advice?: string) => Error;

function readElement(bytes: Uint8Array, at: number, little: boolean, refuse: Refuse): Element {
	if (at + 8 > bytes.length) throw refuse(`it is truncated: an element's tag at byte ${at} is cut off`);
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	const first = view.getUint32(at, little);
	// Up to four bytes stand inside the tag; their number is then in its upper half.
	if (first >>> 16 !== 0) {
		const size = first >>> 16;
		if (size > 4) throw refuse(`an element at byte ${at} has an impossible size`);
		return { type: first & 0xffff, content: bytes.subarray(at + 4, at + 4 + size), end: at + 8 };
	}
	const size = view.getUint32(at + 4, little);
	const begin = at + 8;
	if (begin + size > bytes.length) {
		throw refuse(
			`it is truncated: an element at byte ${at} has ${counted(size, 'byte')}, and ${bytes.length - begin} of them are there`,
		);
	}
	const padding = first === COMPRESSED ? 0 : (8 - (size % 8)) % 8;
	return { type: first, content: bytes.subarray(begin, begin + size), end: begin + size + padding };
}

/** Array flags, dimensions, name, real part; undefined for a variable that was not asked for. */
function readMatrix(
	bytes: Uint8Array,
	little: boolean,
	names: readonly string[],
	refuse: Refuse,
): MatVariable | undefined {
	const flags = readElement(bytes, 0, little, refuse);
	const dimensionList = readElement(bytes, flags.end, little, refuse);
	const label = readElement(bytes, dimensionList.end, little, refuse);
	const name = String.fromCharCode(...label.content.subarray(0, 64));
	if (!names.includes(name)) return undefined;
	const dimensions = [...numbersOf(dimensionList, little, name, refuse)];
	const real = readElement(bytes, label.end, little, refuse);
	const values = real.type === 2 ? real.content : numbersOf(real, little, name, refuse);
	const size = dimensions.reduce((product, dimension) => product * dimension, 1);
	if (values.length !== size) {
		throw refuse(`the variable ${name} holds ${counted(values.length, 'number')}, not ${dimensions.join('×')}`);
	}
	return { name, dimensions, values };
}

function numbersOf({ type, content }: Element, little: boolean, name: string, refuse: Refuse): Float64Array {
	const kind = NUMBERS[type];
	if (kind === undefined) throw refuse(`the variable ${name} is no array of numbers`, 'Is it the right file?');
	const [size, read] = kind;
	const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
	return Float64Array.from({ length: Math.floor(content.length / size) }, (_, i) => read(view, i * size, little));
}
