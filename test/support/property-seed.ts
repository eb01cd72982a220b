import fc from 'fast-check';

// The same random cases at every run, so that a failure is a change's and not the day's; `npm run test:full` draws new ones.
if (!process.env.GANNO_TEST_FULL) fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: 20_231_118 });
