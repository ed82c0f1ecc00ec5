package state

// moodWords are the first words of generated names.
const moodWords = `
able active adept agile airy alert amber ample apt ardent artful astute avid awake balmy beaming blithe bold bonny
brave breezy bright brisk bubbly calm candid canny careful casual cheery chipper civil clear clever cosy curious daring
dashing dazzling deft devout diligent dreamy driven droll eager earnest easy elated elegant eloquent fair faithful
festive fiery fleet fluent focused fond frank free fresh friendly frosty funny gallant genial gentle genuine gifted
glad gleaming golden graceful grand grateful handy happy hardy hearty helpful honest hopeful humble ideal jaunty
jolly jovial joyful jubilant keen kind lasting lively loyal lucid lucky lunar lyrical mellow merry mighty mindful
modest musing nifty nimble noble patient peaceful peppy pensive placid playful plucky poised polite primal prompt
proud quaint quick quiet radiant rapid ready rested robust rosy serene sharp silent sincere sleek smart snappy
solar solid spry stable steady stellar sterling stoic sturdy subtle sunny sure swift tender thankful thrifty tidy
tranquil trusty upbeat valiant vibrant vigilant vivid warm whimsical willing wise witty wondrous zany zealous zen zippy`

// peopleWords are the second words: people who found something out.
const peopleWords = `
abel agnesi alhazen ampere anning archimedes aristotle aryabhata avicenna avogadro babbage babcock banneker banting
bardeen bassi bayes becquerel bell berners bernoulli bessel bhabha bhaskara blackwell bohr boltzmann boole born bose
bourbaki boyle brahe brahmagupta brattain braun burnell cannon cantor carnot carson carver cauchy cavendish cayley
celsius chandrasekhar chatelet chebyshev church clausius copernicus coulomb crick curie cuvier dalton darwin davy
dedekind descartes dijkstra diophantus dirac doppler drew dyson earhart eddington edison ehrlich einstein elion
engelbart eratosthenes erdos euclid euler fahrenheit faraday fermat fermi feynman fibonacci fleming foucault fourier
franklin fresnel galileo galois galvani gauss germain gibbs goddard godel goldberg goodall hadamard haldane halley
hamilton hardy harvey hawking heisenberg helmholtz herschel hertz hilbert hipparchus hodgkin hooke hopper hubble humboldt
huygens hypatia jackson jacobi jemison johnson joliot joule kapitza kelvin kepler khayyam khwarizmi kirch knuth
kolmogorov kovalevskaya lagrange lamarr landau laplace lavoisier leavitt lebesgue leeuwenhoek leibniz leonardo
linnaeus liskov lorentz lovelace lumiere lyell mandelbrot marconi maxwell mayer mccarthy mcclintock meitner mendel
mendeleev merian michelson millikan minkowski mirzakhani morse napier nash newton nightingale nobel noether ohm
oppenheimer panini pascal pasteur pauli pauling payne peano perlman planck poincare poisson priestley ptolemy
pythagoras ramanujan rayleigh ride riemann ritchie roentgen rubin rutherford sagan salk sanger schrodinger seaborg
shannon shockley sinoussi snell somerville stokes swartz tesla thales thompson torricelli tharp turing vesalius volta
wallace watt weierstrass wiles wilson wozniak wright wu yalow yonath zhukovsky zuse`
