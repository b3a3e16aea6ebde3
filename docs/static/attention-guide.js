// Seven stops of a guided tour. Each sets what the page shows; its words take their numbers from what is shown.
// facts.of(token, block, head) measures one map, facts.mean(token, block) the mean of its heads.

const percent = (share) => `${share >= 0.1 || share === 0 ? Math.round(100 * share) : (100 * share).toFixed(1)} %`;
const listed = (values) => [values.slice(0, -1).join(", "), values.at(-1)].filter(String).join(" and ");

const ATTENTION_GUIDE = [
  {
    title: "A strand of hair",
    set: (stops) => ({ token: stops.hair, block: 0, head: 0 }),
    text: (facts, stops) => {
      const bits = facts.eachHead((head) => facts.of(stops.hair, 0, head).bits.toFixed(1));
      return `The framed patch is one token: 16 x 16 pixels of hair before a wall. Block 0 lets it look only at the
        patches of its own window, which is dashed. The heads ask different questions, as their maps show. Their
        entropies are ${listed(bits)} bits; a head that looked everywhere alike would have
        ${Math.log2(facts.reach(0)).toFixed(0)}.`;
    },
  },
  {
    title: "The next patch does not exist",
    set: (stops) => ({ token: stops.edge, block: 0, head: 0 }),
    text: (facts, stops) => `The patch right of the frame is one step away, but it lies in the next window. For the blocks
      ${listed(facts.windowBlocks())} it does not exist: its probability is exactly 0, whatever it shows. Windows alone
      would cut the photo into separate pictures. That is why the blocks ${listed(stops.globals)} have none.`,
  },
  {
    title: "The first global block",
    set: (stops) => ({ token: stops.edge, block: stops.globals[0], head: 0 }),
    text: (facts, stops) => {
      const [here] = stops.globals;
      const far = [here - 1, here].map((block) => Math.round(facts.mean(stops.edge, block).distance));
      return `Block ${here} lets every token look at all ${facts.reach(here)}. What this token looks at was ${far[0]}
        pixels away on average in block ${here - 1}, and is ${far[1]} pixels away here. From here on every token knows of
        the whole photo. The price is a table of ${facts.reach(here)} x ${facts.reach(here)} scores for each head.`;
    },
  },
  {
    title: "Along the band",
    set: (stops) => ({ token: stops.hair, block: stops.globals.at(-1), head: stops.band }),
    text: (facts, stops) => {
      const { shares } = facts.of(stops.hair, stops.globals.at(-1), stops.band);
      return `This head gives ${percent(shares[1])} of its attention to tokens with unknown pixels, although only
        ${percent(facts.unknown())} of all tokens have some. No one told it to: the trimap is the fourth channel of what
        the network reads, and the unknown band is where the question is open. Lay the trimap below the map to compare.`;
    },
  },
  {
    title: "Deep inside",
    set: (stops) => ({ token: stops.inside, block: stops.globals.at(-1), head: stops.band }),
    text: (facts, stops) => {
      const block = stops.globals.at(-1);
      const [inside, hair] = [stops.inside, stops.hair].map((token) => facts.of(token, block, stops.band).shares[1]);
      return `The trimap has answered here, so what is left to ask? The same head gives ${percent(inside)} to unknown
        tokens from this place, and gave ${percent(hair)} from the hair. A softmax cannot look at nothing: its
        probabilities have the sum 1, even where no answer is needed.`;
    },
  },
  {
    title: "Tokens that many look at",
    set: (stops) => ({ token: stops.popular, block: stops.asked[0], head: stops.asked[1], direction: "from" }),
    text: (facts, stops) => {
      const { total } = facts.of(stops.popular, ...stops.asked, "from");
      return `The direction is turned around: the map shows which tokens look at the framed one. Together they give it
        ${total.toFixed(1)} times what an even spread would. Trained transformers often have such tokens, and use them as
        a place for what concerns the whole picture (Darcet et al. 2023, Vision Transformers Need Registers). Whether this
        is one cannot be told from a map.`;
    },
  },
  {
    title: "Caution: a map is not an effect",
    set: (stops) => ({ token: stops.hair, block: stops.globals.at(-1), head: stops.band, overlay: "gradient" }),
    text: (facts, stops) => {
      const changes = stops.silenced.map((change) => change.toFixed(4));
      const strongest = stops.silenced.indexOf(Math.max(...stops.silenced));
      return `A map says where a head looks, and not what the alpha depends on. If one block's attention is silenced, the
        unknown alphas change on average by ${listed(changes)}, from block 0 to the last. Block ${strongest} counts most,
        and block ${facts.sharpest()} has the sharpest maps. Another answer lies over the photo now: how strongly the
        alpha of the marked pixel depends on each pixel, by the gradient.`;
    },
  },
];
