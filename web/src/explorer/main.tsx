import 'graphiql/setup-workers/vite';
import 'graphiql/style.css';
import './explorer.css';
import { GraphiQL } from 'graphiql';
import { createRoot } from 'react-dom/client';
import { neverShowAgain } from '../lib/page-cache';
import { fetcher, isSignedOut } from './fetcher';
import { MemoryStorage } from './memory-storage';

const START = `# The server decides field by field what you may see,
# and writes every request to the tenant's audit log.
query Start {
  tenant {
    name
  }
  transactions(first: 5) {
    nodes {
      bookedOn
      description
      amount
      currency
      magnitude
    }
  }
}
`;

neverShowAgain();

async function start(root: HTMLElement): Promise<void> {
  if (await isSignedOut()) {
    location.replace(`/sign-in?returnUrl=${encodeURIComponent(location.pathname)}`);
    return;
  }
  createRoot(root).render(
    <GraphiQL
      fetcher={fetcher}
      storage={new MemoryStorage()}
      defaultQuery={START}
      defaultEditorToolsVisibility="variables"
      showPersistHeadersSettings={false}
    >
      <GraphiQL.Logo>
        <a className="explorer-home" href="/">
          Countersign
        </a>
      </GraphiQL.Logo>
    </GraphiQL>,
  );
}

const root = document.getElementById('root');
if (root) void start(root);
