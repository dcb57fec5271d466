import { LocalExecutor } from './local-executor.ts';
import { testExecutorContract } from './test-executor-contract.ts';

testExecutorContract('the executor of this process', (...given) => new LocalExecutor(...given));
