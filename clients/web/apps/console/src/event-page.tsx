import type { ReactElement } from 'react';
import { api, type Story, type Why } from './api.ts';
import { moment } from './format.ts';
import { Link } from './link.tsx';
import { Problem, Search } from './parts.tsx';
import { address, go, PAGES, useAddress } from './router.ts';
import { useLoad } from './use-load.ts';

export function EventPage(): ReactElement {
  const { asked } = useAddress();
  const [id, user, device] = ['id', 'user', 'device'].map((name) => asked.get(name) ?? '') as [
    string,
    string,
    string,
  ];
  const known = id || (user && device);
  const { value, problem, again } = useLoad(
    `why ${id} ${user} ${device}`,
    known ? () => api.why(id, user, device) : undefined,
  );
  return (
    <section aria-labelledby="event">
      <h1 id="event">Event</h1>
      <Search
        label="Event id"
        value={id}
        hint="What has become of it at each device, and why. A device itself is explained from its user's page."
        onSearch={(text) => go(address(PAGES.Event, { id: text }))}
      />
      <Problem text={problem} />
      {value && <Told why={value} />}
      {value && (
        <p className="buttons">
          <button type="button" onClick={again}>
            Ask again
          </button>
        </p>
      )}
    </section>
  );
}

function Told({ why }: { why: Why }): ReactElement {
  return (
    <>
      {why.stories.map((story) => (
        <Life story={story} now={why.now} key={`${story.title} ${story.lines[0]?.text}`} />
      ))}
      {why.caveats.map((each) => (
        <p className="caveat" key={each}>
          {each}
        </p>
      ))}
    </>
  );
}

function Life({ story, now }: { story: Story; now: number }): ReactElement {
  return (
    <article className="card story">
      <h2>
        {story.title} <span className="kull-badge">{story.verdict.replaceAll('_', ' ')}</span>
      </h2>
      <ol className="timeline">
        {story.lines.map((line) => (
          <li key={`${line.at} ${line.text}`} data-timed={line.at > 0}>
            {line.at > 0 && (
              <time
                dateTime={new Date(line.at).toISOString()}
                title={new Date(line.at).toISOString()}
              >
                {day(line.at, now)}
                {moment(line.at)}
              </time>
            )}
            <span>{line.text}</span>
          </li>
        ))}
      </ol>
      {story.devices.length > 0 && (
        <dl className="verdicts">
          {story.devices.map((each) => (
            <div key={`${each.user} ${each.device}`} data-verdict={each.verdict}>
              <dt>
                <Link to={address(PAGES.Event, { user: each.user, device: each.device })}>
                  {each.device}
                </Link>
                <span className="hint"> of {each.user}</span>
              </dt>
              <dd>{each.text}</dd>
            </div>
          ))}
        </dl>
      )}
    </article>
  );
}

/** The date of a moment, if that is not today. */
function day(at: number, now: number): string {
  const [then, today] = [at, now].map((each) => new Date(each).toISOString().slice(0, 10));
  return then === today ? '' : `${then} `;
}
